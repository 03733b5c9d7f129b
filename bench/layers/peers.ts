import type { Closure } from '../../src/graph/closure.ts'
import type { Partition } from '../../src/layers/partition.ts'
import { popularityLayers } from '../../src/layers/popularity.ts'
import { stableLayers } from '../../src/layers/stable.ts'
import { popularityContest } from './popularity-contest.ts'

/** A way to group a closure's paths into layers. */
export type Layering = (closure: Closure, budget: number) => Partition

export const layerings: ReadonlyMap<string, Layering> = new Map<string, Layering>([
  ['one layer', ({ paths }) => [[...paths.keys()]]],
  ["nixpkgs' popularity contest", popularityContest],
  ["Nixery's grouping", (closure, budget) => popularityLayers(closure, budget, new Map())],
  ['stable', stableLayers],
  ['stable, small layers joined', (closure, budget) => joined(stableLayers(closure, budget), closure)],
  ['one layer a path', ({ paths }) => [...paths.keys()].map((path) => [path])],
])

/** Smaller layers are not worth a request; bytes. */
const small = 100_000

/** What it would cost to have no small layers: all of them are one. */
const joined = (layers: Partition, { paths }: Closure): Partition => {
  const sizeOf = (layer: Partition[number]): number =>
    layer.reduce((total, path) => total + (paths.get(path)?.narSize ?? 0), 0)
  const rest = layers.filter((layer) => sizeOf(layer) < small).flat()
  return [...layers.filter((layer) => sizeOf(layer) >= small), ...(rest.length > 0 ? [rest] : [])]
}
