import { expect, test } from 'vitest'
import { type PopularityData, popularityOf } from '../../src/graph/popularity.ts'
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
