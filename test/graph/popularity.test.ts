import { describe, expect, test } from 'vitest'
import { type PopularityData, parsePopularity, popularityOf } from '../../src/graph/popularity.ts'
import { pathOf } from '../support/closures.ts'

const data: PopularityData = new Map([
  ['glibc', 5000],
  ['glibc-2.40', 7000],
  ['git-doc', 3],
])

test.each([
  ['glibc-2.40', 7000, 'the data has this very version'],
  ['glibc-2.39', 5000, 'the data has the package'],
  ['git-doc', 3, 'a name without a version is the package'],
  ['git-2.51.0', 1, 'the data does not know it, and a longer name is another package'],
  ['glibc-locales-2.40', 1, 'a part of a name is no name'],
])('%s has the popularity %d: %s', (name, popularity) => {
  expect(popularityOf(pathOf(name), data)).toBe(popularity)
})

test('without data, all paths are equally popular', () => {
  expect(popularityOf(pathOf('glibc-2.40'), new Map())).toBe(1)
})

describe('popularity data', () => {
  test('is the same in whatever order it was written', () => {
    const sorted = [
      ...new Map([
        ['Zlib', 0],
        ['git', 7],
        ['glibc-2.40', 300_000],
      ]),
    ]
    expect([...parsePopularity('{ "glibc-2.40": 300000, "git": 7, "Zlib": 0 }')]).toEqual(sorted)
    expect([...parsePopularity('{ "Zlib": 0, "glibc-2.40": 300000, "git": 7 }')]).toEqual(sorted)
    expect([...parsePopularity('{}')]).toEqual([])
  })

  test.each([
    ['{ "git": 7', 'the popularity data is not JSON'],
    ['[7]', 'the popularity data is no object'],
    ['{ "git": -1 }', 'the popularity data has no whole number from 0 at "git"'],
    ['{ "git": 0.5 }', 'the popularity data has no whole number from 0 at "git"'],
    ['{ "git": 7, "jq": "7" }', 'the popularity data has no whole number from 0 at "jq"'],
    [
      '{ "a": null, "b": [], "c": {}, "d": true, "e": 1e999 }',
      'the popularity data has no whole number from 0 at "a", "b", "c" and 2 more',
    ],
  ])('that is %s is refused', (json, problem) => {
    expect(() => parsePopularity(json)).toThrow(new Error(problem))
  })
})
