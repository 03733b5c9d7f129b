import { expect, test } from 'vitest'
import { type Candidate, candidates, closureOf, selectPaths } from '../../src/cache/select-paths.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { narHashOf } from '../support/closures.ts'

const path = (name: string): StorePath => `/nix/store/00000000000000000000000000000000-${name}`

const info = (name: string, narSize: number, trust: Candidate['trust'], ...references: string[]): Candidate => ({
  path: path(name),
  narHash: narHashOf(name),
  narSize,
  references: [path(name), ...references.map(path)],
  signatures: [],
  isContentAddressed: trust === 'made',
  trust,
})

/**
 * A library and a program from a substituter, a program that was built with the library, an image of both, and a
 * source.
 */
const closure = [
  info('image', 1, 'built', 'built', 'program'),
  info('program', 20, 'proven', 'library'),
  info('built', 10, 'built', 'library'),
  info('library', 50, 'proven'),
  info('source', 15, 'proven'),
]

const select = (canSign: boolean, limit: number, from = closure, secret?: StorePath): string[] =>
  selectPaths(from, { canSign, limit, secret }).map(({ path }) => path.slice(44))

test('with a key all is kept, and without one what is proven', () => {
  expect(select(true, 1000)).toEqual(['image', 'program', 'built', 'library', 'source'])
  expect(select(false, 1000)).toEqual(['program', 'library', 'source'])
})

test('what is proven is not kept where it references something that is not', () => {
  expect(select(false, 1000, [info('a', 1, 'proven', 'b'), info('b', 1, 'built'), info('c', 1, 'proven')])).toEqual([
    'c',
  ])
})

const withText = [
  info('program', 1, 'proven', 'text'),
  info('text', 1, 'made', 'built'),
  info('built', 1, 'built'),
  info('other', 1, 'proven', 'script'),
  info('script', 1, 'made'),
]

test('without a key, what evaluation brings is left out, and what references it is kept, as far as all below can be had', () => {
  expect(select(false, 1000, withText)).toEqual(['other'])
  expect(select(true, 1000, withText)).toEqual(['program', 'text', 'built', 'other', 'script'])
})

test('what must not be kept is not, with a key or without one', () => {
  expect(select(true, 1000, withText, path('script'))).toEqual(['program', 'text', 'built', 'other'])
  expect(select(false, 1000, closure, path('source'))).toEqual(['program', 'library'])
})

test('what leads to a derivation is not kept, since no run would take an entry that has one', () => {
  const from = [
    info('a', 1, 'proven', 'b'),
    info('b', 1, 'built', 'c.drv'),
    info('c.drv', 1, 'made'),
    info('d', 1, 'built'),
  ]
  expect(select(true, 1000, from)).toEqual(['d'])
  expect(select(false, 1000, from)).toEqual([])
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

test('what a path is worth is decided by who proves it', () => {
  const plain = { narHash: narHashOf('x'), narSize: 1, references: [], signatures: [], isContentAddressed: false }
  const closure = [
    { ...plain, path: path('source'), isContentAddressed: true },
    { ...plain, path: path('script'), isContentAddressed: true },
    { ...plain, path: path('built') },
    { ...plain, path: path('foreign'), signatures: [`evil-1:${Buffer.alloc(64).toString('base64')}`] },
  ]
  const trusts = (source: StorePath | undefined) => candidates(closure, new Map(), source).map(({ trust }) => trust)
  expect(trusts(path('source'))).toEqual(['proven', 'made', 'built', 'built'])
  expect(trusts(undefined)).toEqual(['made', 'made', 'built', 'built'])
})

test('a closure has each path once, and leaves out what is not known', () => {
  const all = [info('a', 1, 'proven', 'b', 'c'), info('b', 1, 'proven', 'c', 'unknown'), info('c', 1, 'proven', 'a')]
  const infos = new Map(all.map((one) => [one.path, one]))
  const names = (start: number) => closureOf(all[start] as Candidate, infos).map(({ path }) => path.slice(44))
  expect(names(0)).toEqual(['a', 'b', 'c'])
  expect(names(1).toSorted()).toEqual(['a', 'b', 'c'])
})
