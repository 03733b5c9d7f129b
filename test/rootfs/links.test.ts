import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StorePath } from '../../src/nix/store-path.ts'
import { readLinks } from '../../src/rootfs/links.ts'

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
  await expect(readLinks(await layerIn(join(folder, 'none')))).rejects.toThrow('Invalid tar header')
})
