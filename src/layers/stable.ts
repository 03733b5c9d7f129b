import type { Closure } from '../graph/closure.ts'
import type { Partition } from './partition.ts'
import { popularityLayers } from './popularity.ts'

/** The default layering. For now it is Nixery's grouping without popularity data. */
export const stableLayers = (closure: Closure, budget: number): Partition =>
  popularityLayers(closure, budget, new Map())
