import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tarHeader } from '../../src/archive/header.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { linkedPaths, readLinks } from '../../src/rootfs/links.ts'
import { build } from '../support/nix.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const layerIn = async (file: string) => ({
  path: file as StorePath,
  sha256: createHash('sha256')
    .update(await readFile(file))
    .digest('hex'),
})

test('links and directories of an archive are told apart', async () => {
  await symlink('/nix/store/git', join(folder, 'git'))
  const archive = join(folder, 'links.tar')
  execFileSync('tar', ['--create', '--file', archive, '--directory', folder, '--transform', 's,^git,bin/git,S', 'git'])
  execFileSync('tar', ['--append', '--file', archive, '--directory', '/', '--no-recursion', 'usr'])
  expect([...(await readLinks(await layerIn(archive)))]).toEqual([
    ['bin/git', '/nix/store/git'],
    ['usr', undefined],
  ])
})

test('an archive that is not there, or is none, is an error', async () => {
  const missing = { path: join(folder, 'missing') as StorePath, sha256: '' }
  await expect(readLinks(missing)).rejects.toThrow('ENOENT')
  await writeFile(join(folder, 'none'), Buffer.alloc(2000, 'x'))
  await expect(readLinks(await layerIn(join(folder, 'none')))).rejects.toThrow('an archive has no header at byte 0')
})

test('names and targets in other encodings than UTF-8 are told apart, and lead to their package', async () => {
  const { symlinkLayer, packages } = await build(['foreign'])
  const links = await readLinks(symlinkLayer)
  const path = packages[0]?.outPath
  expect([...links].filter(([name]) => /[^ -~]/.test(name))).toEqual([
    ['share/bokm\udce5l.alias', `${path}/share/bokm\udce5l.alias`],
    ['share/d\udce5', undefined],
    ['share/d\udce5/a', `${path}/share/d\udce5/a`],
    ['share/gone\udce5', `${path}/share/gone\udce5`],
    ['share/\udce6', `${path}/share/\udce6`],
    ['share/\udce7', `${path}/share/\udce7`],
  ])
  expect(await linkedPaths(links)).toEqual([path])
})

test('a header with an impossible size is an error, and does not keep the reader for ever', async () => {
  const header = tarHeader({ type: 'directory', name: 'a', mode: 0o755 })
  header.write('-0000001000', 124)
  await writeFile(join(folder, 'negative'), header)
  await expect(readLinks(await layerIn(join(folder, 'negative')))).rejects.toThrow('a layer has a, which')
})
