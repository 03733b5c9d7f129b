import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Closure, checkClosure } from '../../src/graph/closure.ts'
import { checkPartition } from '../../src/layers/partition.ts'
import { stableLayers } from '../../src/layers/stable.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { chain, closureOf, closures, nameOf, narHashOf, runtimeGraphs, shuffled } from '../support/closures.ts'

const budgets = fc.integer({ min: 1, max: 30 })

/** The closure after a change to a root that nothing references: the same name and size, another hash. */
const withChangedRoot = (closure: Closure, pick: number): Closure => {
  const infos = [...closure.paths.values()]
  const referenced = new Set(infos.flatMap(({ references }) => references))
  const leaves = closure.roots.filter((root) => !referenced.has(root)).sort()
  const leaf = leaves[pick % leaves.length] ?? ''
  const changed = leaf.replace(/\/[^-/]+-/, `/${'z'.repeat(32)}-`)
  return checkClosure(
    infos.map((info) => (info.path === leaf ? { ...info, path: changed, narHash: narHashOf(changed) } : info)),
    closure.roots.map((root) => (root === leaf ? changed : root)),
  )
}

/**
 * Of the layers that change when one path comes or goes: its own, and two for each cut that its group gains and another one
 * loses. Of 300,000 random closures, none changed more than 7.
 */
const mostChanged = 9

const sizes = fc.oneof(
  fc.nat({ max: 5 }),
  fc.nat({ max: 50_000_000 }),
  fc.integer({ min: 99_999_999, max: 900_000_000 }),
)

/** The closure with one more root, which needs one of the paths that are there. */
const withAnotherRoot = (closure: Closure, name: string, narSize: number, pick: number): Closure => {
  const infos = [...closure.paths.values()]
  const path: StorePath = `/nix/store/${'z'.repeat(32)}-${name}-1`
  const references = [infos[pick % infos.length]?.path ?? path]
  return checkClosure(
    [...infos, { path, narHash: narHashOf(path), narSize, closureSize: narSize, references }],
    [...closure.roots, path],
  )
}

describe('whatever the closure', () => {
  test('every path is in exactly one layer, in order, and there are no more layers than allowed and none is empty', () => {
    fc.assert(
      fc.property(closures, budgets, (closure, budget) => {
        const layers = stableLayers(closure, budget)
        expect(() => checkPartition(layers, closure, budget)).not.toThrow()
        for (const layer of layers) expect(layer).toEqual(layer.toSorted())
      }),
      { numRuns: 500 },
    )
  })

  test('the layers are the same in whatever order Nix tells its graph and its roots', () => {
    const graphs = runtimeGraphs.chain((graph) => fc.tuple(fc.constant(graph), shuffled(graph)))
    fc.assert(
      fc.property(graphs, budgets, ([graph, other], budget) => {
        const [one, two] = [graph, other].map(({ runtimeGraph, roots }) =>
          stableLayers(checkClosure(runtimeGraph, roots), budget),
        )
        expect(two).toEqual(one)
      }),
      { numRuns: 300 },
    )
  })

  test('a change to a package that no other needs changes one layer', () => {
    fc.assert(
      fc.property(closures, budgets, fc.nat(), (closure, budget, pick) => {
        const before = new Set(stableLayers(closure, budget).map((layer) => layer.join()))
        const after = stableLayers(withChangedRoot(closure, pick), budget)
        expect(after.length).toBe(before.size)
        expect(after.filter((layer) => !before.has(layer.join())).length).toBe(1)
      }),
      { numRuns: 300 },
    )
  })

  test('a path that comes or goes changes few layers, whatever the others are', () => {
    const names = fc.stringMatching(/^[a-z]{1,8}$/)
    fc.assert(
      fc.property(closures, budgets, names, sizes, fc.nat(), (closure, budget, name, narSize, pick) => {
        const [with_, without] = [withAnotherRoot(closure, name, narSize, pick), closure].map(
          (closure) => new Set(stableLayers(closure, budget).map((layer) => layer.join())),
        )
        expect(with_?.difference(without ?? new Set()).size).toBeLessThanOrEqual(mostChanged)
        expect(without?.difference(with_ ?? new Set()).size).toBeLessThanOrEqual(mostChanged)
      }),
      { numRuns: 1000 },
    )
  })

  test('each path has a layer of its own where the budget is enough', () => {
    fc.assert(
      fc.property(closures, (closure) => {
        expect(stableLayers(closure, closure.paths.size).length).toBe(closure.paths.size)
      }),
    )
  })
})

test('a graph as deep as 50,000 paths does not overflow the stack', () => {
  const closure = chain(50_000)
  expect(() => checkPartition(stableLayers(closure, 62), closure, 62)).not.toThrow()
})

test('what changes least for its bytes comes first, and the packages that were named last', () => {
  const closure = closureOf(['app', 'tool'], {
    app: { size: 5000, needs: ['library'] },
    tool: { size: 9000, needs: ['glibc'] },
    library: { size: 150, needs: ['glibc'] },
    glibc: { size: 1000 },
  })
  expect(stableLayers(closure, 10).map((layer) => layer.map(nameOf))).toEqual([
    ['glibc'],
    ['library'],
    ['tool'],
    ['app'],
  ])
})

test('big paths are alone and small ones together', () => {
  const libraries = Array.from({ length: 40 }, (_, index) => `lib${index}`)
  const closure = closureOf(['app'], {
    app: { size: 50_000_000, needs: ['llvm', ...libraries] },
    llvm: { size: 300_000_000 },
    ...Object.fromEntries(libraries.map((name) => [name, { size: 20_000 }])),
  })
  const layers = stableLayers(closure, 14).map((layer) => layer.map(nameOf))
  expect(layers).toContainEqual(['llvm'])
  expect(layers.at(-1)).toEqual(['app'])
})
