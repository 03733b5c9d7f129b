import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addToStore } from '../../src/nix/add-to-store.ts'
import { hashNar, narOfFile } from '../../src/nix/nar.ts'
import { withNix } from '../support/nix.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  const tree = join(folder, 'tree')
  await mkdir(join(tree, 'empty'), { recursive: true })
  await mkdir(join(tree, 'B', 'deep'), { recursive: true })
  await writeFile(join(tree, 'a'), '')
  await writeFile(join(tree, 'a.b'), '12345678')
  await writeFile(join(tree, 'B', 'deep', 'large'), Buffer.alloc(3_000_001, 'x'))
  await writeFile(join(tree, 'program'), '#!/bin/sh\n')
  await chmod(join(tree, 'program'), 0o755)
  await writeFile(join(tree, 'for the group'), 'not a program')
  await chmod(join(tree, 'for the group'), 0o654)
  await symlink('../nowhere', join(tree, 'link'))
  // UTF-16 and UTF-8 sort these two differently; UTF-8 counts.
  await writeFile(join(tree, '\u{ff5e}'), 'one')
  await writeFile(join(tree, '\u{1f600}'), 'two')
  await writeFile(join(folder, 'file'), 'a single file')
})
afterAll(() => rm(folder, { recursive: true }))

test.each(['tree', 'file', 'tree/empty', 'tree/program'])('%s has the hash that Nix gives it', async (name) => {
  const path = join(folder, name)
  expect(hashNar(path)).toBe(await withNix(async (nix) => (await addToStore(nix, path, 'source')).narHash))
})

test('a file has its hash by its content alone', async () => {
  expect(narOfFile(Buffer.from('a single file'))).toBe(hashNar(join(folder, 'file')))
})

test('a link has the hash of what Nix dumps', async () => {
  const path = join(folder, 'tree', 'link')
  const dump = await withNix((nix) => nix('nix-store', ['--dump', path]))
  expect(hashNar(path)).toBe(`sha256-${createHash('sha256').update(dump).digest('base64')}`)
})

test('what is left out is not part of it', async () => {
  const left = join(folder, 'tree', 'B')
  const without = hashNar(join(folder, 'tree'), (path) => path === left)
  await rm(left, { recursive: true })
  expect(hashNar(join(folder, 'tree'))).toBe(without)
})

test('a file that is none is refused by name', async () => {
  const pipe = join(folder, 'with a pipe')
  await mkdir(pipe)
  execFileSync('mkfifo', [join(pipe, 'pipe')])
  expect(() => hashNar(pipe)).toThrow(`${pipe}/pipe is neither a file, a folder nor a link; remove it.`)
  expect(() => hashNar('/nowhere')).toThrow('/nowhere cannot be read (ENOENT); make it readable for this user.')
})
