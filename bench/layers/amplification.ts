import type { Closure } from '../../src/graph/closure.ts'
import type { Partition } from '../../src/layers/partition.ts'

/**
 * The bytes pulled over a sequence of images, over the bytes of store paths that are new. `layers`: a layer is pulled
 * if no layer of the image before had the same paths. `chain`: as overlay2 does it, the first changed layer and
 * everything above it is pulled.
 */
export type Amplification = { readonly layers: number; readonly chain: number }

/** Both are meaningless (not finite) if nothing is new in the whole sequence. */
export const amplification = (closures: readonly Closure[], partitions: readonly Partition[]): Amplification => {
  let [fresh, layers, chain] = [0, 0, 0]
  for (const [index, closure] of closures.entries()) {
    const [last, partition, lastPartition] = [closures[index - 1], partitions[index], partitions[index - 1]]
    if (!last || !partition || !lastPartition) continue
    const had = lastPartition.map(keyOf)
    const hadSet = new Set(had)
    let above = false
    for (const [position, layer] of partition.entries()) {
      const size = layer.reduce((total, path) => total + (closure.paths.get(path)?.narSize ?? 0), 0)
      const key = keyOf(layer)
      above ||= key !== had[position]
      if (above) chain += size
      if (!hadSet.has(key)) layers += size
    }
    for (const { path, narSize } of closure.paths.values()) if (!last.paths.has(path)) fresh += narSize
  }
  return { layers: layers / fresh, chain: chain / fresh }
}

const keyOf = (layer: readonly string[]): string => layer.toSorted().join('\n')

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
