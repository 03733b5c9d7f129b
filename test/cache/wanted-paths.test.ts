import { expect, test } from 'vitest'
import type { Narinfo } from '../../src/cache/narinfo.ts'
import { wantedPaths } from '../../src/cache/wanted-paths.ts'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { narHashOf } from '../support/closures.ts'

const path = (name: string): StorePath => parseStorePath(`/nix/store/${'0'.repeat(32)}-${name}`, name)

const info = (name: string, ...references: string[]): Narinfo => ({
  path: path(name),
  nar: '',
  narHash: narHashOf(name),
  narSize: 1,
  references: references.map(path),
  signatures: [],
  isContentAddressed: false,
})

const select = async (entry: Narinfo[], wanted: string[], valid: string[]): Promise<string[]> => {
  const there = new Set(valid.map(path))
  const infos = new Map(entry.map((info) => [info.path, info]))
  const paths = await wantedPaths(infos, new Set(wanted.map(path)), async (paths) =>
    paths.filter((path) => !there.has(path)),
  )
  return paths.map(({ path }) => path.slice(44))
}

const entry = [info('image', 'image', 'program'), info('program', 'library', 'script'), info('library'), info('other')]

test('what is wanted and missing comes after what it references', async () => {
  expect(await select(entry, ['image', 'program', 'library'], ['script'])).toEqual(['library', 'program', 'image'])
})

test('what is there is not wanted again, and what nobody asks for not at all', async () => {
  expect(await select(entry, ['image', 'program', 'library'], ['script', 'library', 'image'])).toEqual(['program'])
  expect(await select(entry, [], [])).toEqual([])
  expect(await select(entry, ['elsewhere'], [])).toEqual([])
})

test('what references something that is nowhere is left, with all that references it', async () => {
  expect(await select(entry, ['image', 'program', 'library', 'other'], [])).toEqual(['library', 'other'])
  // A path of the entry that is not wanted is missing from the store, too.
  expect(await select(entry, ['image', 'program'], ['script'])).toEqual([])
})

test('paths that reference each other are left', async () => {
  expect(await select([info('a', 'b'), info('b', 'a'), info('c')], ['a', 'b', 'c'], [])).toEqual(['c'])
})
