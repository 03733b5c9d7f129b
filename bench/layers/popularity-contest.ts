import type { Closure } from '../../src/graph/closure.ts'
import type { Partition } from '../../src/layers/partition.ts'
import { packageName, type StorePath } from '../../src/nix/store-path.ts'

/**
 * The default layering of nixpkgs' dockerTools: the most popular paths have a layer each, and the others share one. The
 * popularity of a path is the number of ways from the roots to it and to each path that needs it, added together. Of
 * equally popular paths, the last by name comes first. Source: `flatten-references-graph` in nixpkgs'
 * pkgs/build-support, `popularity_contest` and `limit_layers`.
 */
export const popularityContest = (closure: Closure, budget: number): Partition => {
  const order = orders.get(closure) ?? orderOf(closure)
  orders.set(closure, order)
  const [alone, rest] = [order.slice(0, budget - 1), order.slice(budget - 1)]
  return [...alone.map((path) => [path]), ...(rest.length > 0 ? [rest] : [])]
}

/** The order is the same for every number of layers, so it is computed once. */
const orders = new WeakMap<Closure, readonly StorePath[]>()

const orderOf = ({ paths }: Closure): StorePath[] => {
  const popularity = new Map<StorePath, number>()
  for (const [path, ways] of waysTo(paths)) {
    const reached = new Set([path])
    for (const next of reached) {
      popularity.set(next, (popularity.get(next) ?? 0) + ways)
      for (const reference of paths.get(next)?.references ?? []) reached.add(reference)
    }
  }
  return [...popularity]
    .map(([path, count]) => ({ path, count, name: packageName(path) }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? 1 : -1))
    .map(({ path }) => path)
}

/** The number of ways to each path from the paths that nothing references. */
const waysTo = (paths: Closure['paths']): Map<StorePath, number> => {
  const open = new Map([...paths.keys()].map((path) => [path, 0]))
  for (const { references } of paths.values())
    for (const reference of references) open.set(reference, (open.get(reference) ?? 0) + 1)
  const ready = [...open].filter(([, referrers]) => referrers === 0).map(([path]) => path)
  const ways = new Map<StorePath, number>(ready.map((path) => [path, 1]))
  for (const path of ready)
    for (const reference of paths.get(path)?.references ?? []) {
      ways.set(reference, (ways.get(reference) ?? 0) + (ways.get(path) ?? 0))
      const left = (open.get(reference) ?? 0) - 1
      open.set(reference, left)
      if (left === 0) ready.push(reference)
    }
  return ways
}
