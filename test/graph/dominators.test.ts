import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Closure } from '../../src/graph/closure.ts'
import { aboveRoots, type Dominator, immediateDominators } from '../../src/graph/dominators.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { chain, closureOf, closures, nameOf, pathOf } from '../support/closures.ts'

/** The dominators by name, without paths that nothing dominates. */
const byName = (closure: Closure, hungUnderRoot: string[] = []): Record<string, string> =>
  Object.fromEntries(
    [...immediateDominators(closure, hungUnderRoot.map(pathOf))].flatMap(([path, dominator]) =>
      dominator === aboveRoots ? [] : [[nameOf(path), nameOf(dominator)]],
    ),
  )

describe('a store path is dominated by', () => {
  test('the only one that references it', () => {
    expect(byName(closureOf(['a'], { a: { needs: ['b'] }, b: { needs: ['c'] }, c: {} }))).toEqual({ b: 'a', c: 'b' })
  })

  test('the closest path that all ways to it lead through', () => {
    const diamond = closureOf(['top'], {
      top: { needs: ['a'] },
      a: { needs: ['left', 'right'] },
      left: { needs: ['end'] },
      right: { needs: ['end'] },
      end: {},
    })
    expect(byName(diamond)).toEqual({ a: 'top', left: 'a', right: 'a', end: 'a' })
  })

  test('none, where two roots lead to it', () => {
    const closure = closureOf(['one', 'two'], {
      one: { needs: ['shared', 'own'] },
      two: { needs: ['shared'] },
      shared: { needs: ['deep'] },
      deep: {},
      own: {},
    })
    expect(byName(closure)).toEqual({ own: 'one', deep: 'shared' })
  })

  test('none, where it is a root that another root references', () => {
    expect(byName(closureOf(['one', 'two'], { one: { needs: ['two'] }, two: {} }))).toEqual({})
  })

  test('none, where it is hung under the root, and then what only it needs by it', () => {
    const closure = closureOf(['a'], { a: { needs: ['b'] }, b: { needs: ['c'] }, c: {} })
    expect(byName(closure, ['b'])).toEqual({ c: 'b' })
  })
})

/** The paths that can be reached from above the roots without going through `removed`. */
const reachableWithout = (closure: Closure, entries: readonly StorePath[], removed: StorePath): Set<StorePath> => {
  const reached = new Set(entries.filter((path) => path !== removed))
  for (const path of reached)
    for (const reference of closure.paths.get(path)?.references ?? []) if (reference !== removed) reached.add(reference)
  return reached
}

const dominatorsOf = (path: StorePath, immediate: ReadonlyMap<StorePath, Dominator>): Set<StorePath> => {
  const found = new Set<StorePath>()
  for (let current = immediate.get(path); typeof current === 'string'; current = immediate.get(current))
    found.add(current)
  return found
}

test('in any graph, one path dominates another if and only if without it the other cannot be reached', () => {
  const closureAndHung = fc.tuple(closures, fc.array(fc.nat(), { maxLength: 3 })).map(([closure, picks]) => {
    const paths = [...closure.paths.keys()]
    return [closure, picks.map((pick) => paths[pick % paths.length] as StorePath)] as const
  })
  fc.assert(
    fc.property(closureAndHung, ([closure, hung]) => {
      const immediate = immediateDominators(closure, hung)
      expect([...immediate.keys()].toSorted()).toEqual([...closure.paths.keys()])
      const entries = [...closure.roots, ...hung]
      for (const removed of closure.paths.keys()) {
        const reached = reachableWithout(closure, entries, removed)
        for (const path of closure.paths.keys())
          if (path !== removed) expect(dominatorsOf(path, immediate).has(removed)).toBe(!reached.has(path))
      }
    }),
    { numRuns: 200 },
  )
})

test('a dominator is told before what it dominates', () => {
  fc.assert(
    fc.property(closures, (closure) => {
      const told = new Set<Dominator>([aboveRoots])
      for (const [path, dominator] of immediateDominators(closure, [])) {
        expect(told).toContain(dominator)
        told.add(path)
      }
    }),
  )
})

test('a chain of 50,000 paths does not overflow the stack', () => {
  const closure = chain(50_000)
  const immediate = immediateDominators(closure, [])
  const [first, ...others] = closure.paths.keys()
  expect(immediate.get(first as StorePath)).toBe(aboveRoots)
  let previous = first
  for (const path of others) {
    if (immediate.get(path) !== previous) expect(immediate.get(path)).toBe(previous)
    previous = path
  }
})
