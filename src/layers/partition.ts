import type { Closure } from '../graph/closure.ts'
import type { StorePath } from '../nix/store-path.ts'

/** A grouping of store paths into layers. The layers are in the image's order, the paths of each in code unit order. */
export type Partition = readonly (readonly StorePath[])[]

/**
 * Throws an `Error` unless every path of the closure is in exactly one layer, nothing else is, no layer is empty and
 * there are no more layers than the budget allows. Without this check, nobody would notice a missing path until a
 * program needs it.
 */
export const checkPartition = (partition: Partition, closure: Closure, budget: number): void => {
  if (partition.length > budget)
    throw new Error(`${partition.length} layers are more than the ${budget} that are allowed`)
  const seen = new Set<StorePath>()
  for (const layer of partition) {
    if (layer.length === 0) throw new Error('a layer is empty')
    for (const path of layer) {
      if (seen.has(path)) throw new Error(`${path} is in two layers`)
      if (!closure.paths.has(path)) throw new Error(`${path} is in a layer, but not in the closure`)
      seen.add(path)
    }
  }
  for (const path of closure.paths.keys()) if (!seen.has(path)) throw new Error(`${path} is in no layer`)
}
