import { expect, test } from 'vitest'
import { selectPaths } from '../../src/cache/select-paths.ts'
import type { PathInfo } from '../../src/nix/path-info.ts'
import type { StorePath } from '../../src/nix/store-path.ts'

const path = (name: string): StorePath => `/nix/store/00000000000000000000000000000000-${name}`

const info = (name: string, narSize: number, isProven: boolean, ...references: string[]): PathInfo => ({
  path: path(name),
  narSize,
  references: [path(name), ...references.map(path)],
  isProven,
})

/** A library and a program from a substituter, a program that was built with the library, an image of both, and a source. */
const closure = [
  info('image', 1, false, 'built', 'program'),
  info('program', 20, true, 'library'),
  info('built', 10, false, 'library'),
  info('library', 50, true),
  info('source', 15, true),
]

const select = (canSign: boolean, limit: number, from = closure): string[] =>
  selectPaths(from, { canSign, limit }).map(({ path }) => path.slice(44))

test('with a key all is kept, and without one what is proven', () => {
  expect(select(true, 1000)).toEqual(['image', 'program', 'built', 'library', 'source'])
  expect(select(false, 1000)).toEqual(['program', 'library', 'source'])
})

test('what is proven is not kept where it references something that is not', () => {
  expect(select(false, 1000, [info('a', 1, true, 'b'), info('b', 1, false), info('c', 1, true)])).toEqual(['c'])
})

test.each([
  [96, ['image', 'program', 'built', 'library', 'source']],
  [81, ['image', 'program', 'built', 'library']],
  [75, ['built', 'library', 'source']],
  [60, ['built', 'library']],
  [59, ['source']],
  [14, []],
])('with room for %d bytes, what only we have comes first, with what it references: %j', (limit, names) => {
  expect(select(true, limit)).toEqual(names)
})
