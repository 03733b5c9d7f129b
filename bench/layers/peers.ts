import type { Closure } from '../../src/graph/closure.ts'
import type { Partition } from '../../src/layers/partition.ts'
import { popularityLayers } from '../../src/layers/popularity-layers.ts'
import { stableLayers } from '../../src/layers/stable-layers.ts'
import { popularityContest } from './popularity-contest.ts'

/** A way to group a closure's paths into layers. */
export type Layering = (closure: Closure, budget: number) => Partition

export const layerings: ReadonlyMap<string, Layering> = new Map<string, Layering>([
  ['one layer', ({ paths }) => [[...paths.keys()]]],
  ["nixpkgs' popularity contest", popularityContest],
  ["Nixery's grouping", (closure, budget) => popularityLayers(closure, budget, new Map())],
  ['stable', stableLayers],
  ['one layer a path', ({ paths }) => [...paths.keys()].map((path) => [path])],
])
