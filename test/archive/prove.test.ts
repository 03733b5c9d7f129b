import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { proveStorePaths, readProven } from '../../src/archive/prove.ts'
import type { Closure } from '../../src/graph/closure.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { linkedPaths } from '../../src/rootfs/links.ts'
import { type ChangeableSet, changeableSet, closureInStore, rewrite } from '../support/changed-store.ts'

let packages: ChangeableSet
let closure: Pick<Closure, 'paths'>
let paths: Record<'file' | 'folder' | 'far' | 'loop' | 'large' | 'outside', StorePath>

beforeAll(async () => {
  packages = await changeableSet({
    file: 'echo content > $out',
    folder:
      'mkdir -p $out/etc $out/other; echo first > $out/etc/passwd; ln -s ../etc/passwd $out/other/passwd; ln -s etc $out/same',
    far: 'mkdir $out; ln -s ${folder}/same $out/etc; ln -s ${file} $out/file',
    loop: 'mkdir $out; ln -s two $out/one; ln -s one $out/two',
    large: 'mkdir $out; head -c 300000 /dev/zero > $out/file',
    outside:
      'mkdir $out; ln -s /etc/passwd $out/passwd; ln -s ../../../../etc/passwd $out/up; ln -s nothing $out/missing',
  })
  const names = ['file', 'folder', 'far', 'loop', 'large', 'outside'] as const
  const made = await packages.realise(...names)
  paths = Object.fromEntries(names.map((name, index) => [name, made[index]])) as typeof paths
  closure = await closureInStore(made)
})
afterAll(() => packages[Symbol.asyncDispose]())

const read = async (path: string): Promise<string | undefined> => (await readProven(path, closure))?.toString()

test('a file of the closure is found behind links, and nothing of this machine is', async () => {
  expect(await read(paths.file)).toBe('content\n')
  expect(await read(join(paths.far, 'file'))).toBe('content\n')
  for (const place of ['folder/etc', 'folder/other', 'folder/same', 'far/etc']) {
    const [name, ...rest] = place.split('/') as [keyof typeof paths]
    expect(await read(join(paths[name], ...rest, 'passwd')), place).toBe('first\n')
  }
  const nowhere = [
    join(paths.folder, 'etc'),
    join(paths.folder, 'nothing'),
    join(paths.loop, 'one'),
    join(paths.outside, 'passwd'),
    join(paths.outside, 'up'),
    join(paths.outside, 'missing'),
    '/etc/passwd',
    '/nix/store',
  ]
  for (const path of nowhere) expect(await read(path), path).toBeUndefined()
  await expect(readProven(join(paths.folder, 'etc/passwd'), { paths: new Map() })).resolves.toBeUndefined()
  await expect(read(join(paths.large, 'file'))).rejects.toThrow(`${paths.large}/file has 300000 bytes, which is more`)
})

test('each store path on the way is compared with its hash', async () => {
  for (const [name, file] of [
    ['folder', 'etc/passwd'],
    ['far', 'more'],
  ] as const) {
    const change = async (path: string): Promise<void> => {
      if (name === 'far') await writeFile(join(path, file), '')
      else await rewrite(join(path, file), () => 'other\n')
    }
    await packages.changed(paths[name], change, async () => {
      await expect(read(join(paths.far, 'etc/passwd'))).rejects.toThrow(`${paths[name]} is not what Nix put`)
    })
  }
})

test('of several store paths, the one that was changed is named', async () => {
  const all = Object.values(paths)
  await proveStorePaths(all, closure)
  await proveStorePaths([], closure)
  await packages.changed(
    paths.large,
    (path) => chmod(join(path, 'file'), 0o555),
    async () => {
      await expect(proveStorePaths(all, closure)).rejects.toThrow(`${paths.large} is not what Nix put into the store`)
      await proveStorePaths(
        all.filter((path) => path !== paths.large),
        closure,
      )
    },
  )
})

test('the store paths of links are those that they name, and those that they lead through', async () => {
  const links = new Map([
    ['etc', undefined],
    ['etc/passwd', join(paths.far, 'etc/passwd')],
    ['file', join(paths.large, 'file')],
  ])
  expect((await linkedPaths(links)).sort()).toEqual([paths.far, paths.folder, paths.large].sort())
})
