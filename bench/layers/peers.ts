import type { Closure } from '../../src/graph/closure.ts'
import type { Partition } from '../../src/layers/partition.ts'
import { popularityLayers } from '../../src/layers/popularity.ts'
import { stableLayers } from '../../src/layers/stable.ts'
import type { StorePath } from '../../src/nix/store-path.ts'

/** A way to group a closure's paths into layers. */
export type Layering = (closure: Closure, budget: number) => Partition

/**
 * The paths that most others reference have a layer each, and the rest are one. It stands for what nixpkgs' dockerTools do
 * by default, which count indirect references too.
 */
const popularityContest: Layering = ({ paths }, budget) => {
  const referrers = new Map<StorePath, number>([...paths.keys()].map((path) => [path, 0]))
  for (const { references } of paths.values())
    for (const reference of references) referrers.set(reference, (referrers.get(reference) ?? 0) + 1)
  const order = [...referrers].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([path]) => path)
  const rest = order.splice(budget - 1)
  return [...order.map((path) => [path]), ...(rest.length > 0 ? [rest] : [])]
}

export const layerings: ReadonlyMap<string, Layering> = new Map<string, Layering>([
  ['one layer', ({ paths }) => [[...paths.keys()]]],
  ['popularity contest', popularityContest],
  ["Nixery's grouping", (closure, budget) => popularityLayers(closure, budget, new Map())],
  ['stable', stableLayers],
  ['one layer a path', ({ paths }) => [...paths.keys()].map((path) => [path])],
])
