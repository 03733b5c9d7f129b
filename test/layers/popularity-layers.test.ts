import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Closure, checkClosure } from '../../src/graph/closure.ts'
import type { PopularityData } from '../../src/graph/popularity.ts'
import type { Partition } from '../../src/layers/partition.ts'
import { popularityLayers } from '../../src/layers/popularity-layers.ts'
import { closureOf, closures, nameOf, packageNames, runtimeGraphs, shuffled } from '../support/closures.ts'

const nobodyKnows: PopularityData = new Map()
const enough = 1000

const layersByName = (closure: Closure, budget = enough, data = nobodyKnows): string[][] =>
  popularityLayers(closure, budget, data).map((layer) => layer.map(nameOf))

const budgets = fc.integer({ min: 1, max: 30 })
const data: fc.Arbitrary<PopularityData> = fc
  .dictionary(fc.constantFrom(...packageNames), fc.integer({ min: 1, max: 200 }))
  .map((popularity) => new Map(Object.entries(popularity)))

const sizeOf = (layer: Partition[number], { paths }: Closure): number =>
  layer.reduce((size, path) => size + (paths.get(path)?.narSize ?? 0), 0)

describe('whatever the closure', () => {
  test('every path is in exactly one layer, in order, and there are no more layers than allowed and none is empty', () => {
    fc.assert(
      fc.property(closures, budgets, data, (closure, budget, data) => {
        const layers = popularityLayers(closure, budget, data)
        expect(layers.flat().toSorted()).toEqual([...closure.paths.keys()])
        expect(layers.length).toBeLessThanOrEqual(budget)
        for (const layer of layers) {
          expect(layer).not.toEqual([])
          expect(layer).toEqual(layer.toSorted())
        }
      }),
    )
  })

  test('the layers are the same in whatever order Nix tells its graph and its roots', () => {
    const graphs = runtimeGraphs.chain((graph) => fc.tuple(fc.constant(graph), shuffled(graph)))
    fc.assert(
      fc.property(graphs, budgets, data, ([graph, other], budget, data) => {
        const [one, two] = [graph, other].map(({ runtimeGraph, roots }) =>
          popularityLayers(checkClosure(runtimeGraph, roots), budget, data),
        )
        expect(two).toEqual(one)
      }),
      { numRuns: 300 },
    )
  })

  test('the biggest layer comes first, where all are equally popular', () => {
    fc.assert(
      fc.property(closures, budgets, (closure, budget) => {
        const sizes = popularityLayers(closure, budget, nobodyKnows).map((layer) => sizeOf(layer, closure))
        expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
      }),
    )
  })

  test('one layer less merges the two with the lowest rating and leaves the others alone', () => {
    fc.assert(
      fc.property(closures, budgets, data, (closure, budget, data) => {
        const more = popularityLayers(closure, budget + 1, data)
        fc.pre(more.length === budget + 1)
        const [next = [], lowest = []] = more.slice(-2)
        const expected = [...more.slice(0, -2), [...next, ...lowest].toSorted()]
        expect(popularityLayers(closure, budget, data).toSorted()).toEqual(expected.toSorted())
      }),
    )
  })
})

describe('what only one package needs is in its layer', () => {
  const closure = closureOf(['git', 'curl'], {
    git: { size: 50, needs: ['openssl', 'pcre'] },
    curl: { size: 30, needs: ['openssl'] },
    pcre: { size: 20, needs: ['pcre-data'] },
    'pcre-data': { size: 5 },
    openssl: { size: 40, needs: ['glibc'] },
    glibc: { size: 20 },
  })

  test('and what two need is in another', () => {
    expect(layersByName(closure)).toEqual([['git', 'pcre', 'pcre-data'], ['glibc', 'openssl'], ['curl']])
  })

  test('but a path of 100 MB of its own has a layer, with what only it needs', () => {
    const big = closureOf(['git'], {
      git: { size: 1, needs: ['llvm', 'zlib'] },
      llvm: { size: 100_000_000, needs: ['llvm-data'] },
      'llvm-data': { size: 5 },
      zlib: { size: 99_999_999 },
    })
    expect(layersByName(big)).toEqual([
      ['llvm', 'llvm-data'],
      ['git', 'zlib'],
    ])
  })

  test('and the size of what it needs does not make a path big', () => {
    const sum = closureOf(['top'], {
      top: { size: 60_000_000, needs: ['part'] },
      part: { size: 60_000_000, needs: ['other'] },
      other: { size: 60_000_000 },
    })
    expect(layersByName(sum)).toEqual([['other', 'part', 'top']])
  })

  test('but a path that 100 packages need has a layer too', () => {
    const popularity = (packages: number): PopularityData => new Map([['pcre', packages]])
    expect(layersByName(closure, enough, popularity(100))).toContainEqual(['pcre', 'pcre-data'])
    expect(layersByName(closure, enough, popularity(99))).toContainEqual(['git', 'pcre', 'pcre-data'])
  })
})

describe('layers are ordered and merged by rating,', () => {
  const apart = closureOf(['a', 'b', 'c', 'd'], {
    a: { size: 1000 },
    b: { size: 30 },
    c: { size: 20 },
    d: { size: 15 },
  })

  test('which is the size where nothing is known of popularity', () => {
    expect(layersByName(apart)).toEqual([['a'], ['b'], ['c'], ['d']])
    expect(layersByName(apart, 3)).toEqual([['a'], ['c', 'd'], ['b']])
    expect(layersByName(apart, 2)).toEqual([['a'], ['b', 'c', 'd']])
    expect(layersByName(apart, 1)).toEqual([['a', 'b', 'c', 'd']])
  })

  test('which is popularity times size where it is known', () => {
    const known = new Map([
      ['d', 90],
      ['b', 3],
    ])
    expect(layersByName(apart, enough, known)).toEqual([['d'], ['a'], ['b'], ['c']])
    expect(layersByName(apart, 3, known)).toEqual([['d'], ['a'], ['b', 'c']])
  })

  test('and by store path where two are equal', () => {
    const equal = closureOf(['c', 'a', 'b'], { a: { size: 7 }, b: { size: 7 }, c: { size: 7 } })
    expect(layersByName(equal)).toEqual([['c'], ['b'], ['a']])
    expect(layersByName(equal, 2)).toEqual([['a', 'b'], ['c']])
  })

  test('so that no layer grows by everything that is small', () => {
    const names = Array.from('abcdefgh')
    const small = closureOf(names, Object.fromEntries(names.map((name) => [name, { size: 10 }])))
    expect(layersByName(small, 4).map((layer) => layer.length)).toEqual([2, 2, 2, 2])
  })
})
