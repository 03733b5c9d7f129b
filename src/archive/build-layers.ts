import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { limiter, mapConcurrently } from '../concurrent.ts'
import { isNoSpace, UserError } from '../error.ts'
import { type Closure, closureSize } from '../graph/closure.ts'
import { contentKey, layerKey } from '../layers/layer-key.ts'
import type { Partition } from '../layers/partition.ts'
import type { ImageSpec } from '../nix/image-spec.ts'
import { packageName, type StorePath } from '../nix/store-path.ts'
import type { Plan } from '../plan.ts'
import { megabytes } from '../units.ts'
import { checkSpace } from './check-space.ts'
import { type LayerBlob, writeLayer } from './layer.ts'
import { tar } from './tar.ts'
import { storePathsTree, type TreeEntry } from './tree.ts'

/** A layer in a file, and what is in it. `holds` is for people. The file is there until the layer is delivered. */
export type BuiltLayer = LayerBlob & {
  readonly key: string
  readonly storePaths: readonly StorePath[]
  readonly holds: string
}

/** A layer that was packed and given away; `packAgain` makes its file anew, which stays. */
export type DeliveredLayer<T> = {
  readonly layer: BuiltLayer
  readonly delivered: T
  readonly packAgain: () => Promise<BuiltLayer>
}

/** What layers are built of, and how. `folder` is for their files. */
export type LayerRequest = Pick<Plan, 'baseLayer' | 'compression' | 'layerFormat'> & {
  readonly partition: Partition
  readonly closure: Closure
  readonly symlinkLayer: ImageSpec['symlinkLayer']
  /** What is in the base layer. */
  readonly baseFiles: readonly TreeEntry[]
  readonly folder: string
}

/** While one layer waits for the disk, another one can use the processor. More would only take memory. */
const packedAtOnce = 2

/** More at once make no difference on a runner's network, and keep well below the registries' limits of requests. */
const deliveredAtOnce = 6

/**
 * Builds the layers of an image: those of store paths in the partition's order, then the symlink layer as Nix made it, then
 * the base layer where there is one. Each is given to `deliver` as soon as it is complete, while others are still being
 * packed, and its file is removed afterwards; the largest come first, since they take longest. Returns the layers in the
 * image's order with what `deliver` returned. `packed` is called when the last one is complete.
 */
export const buildLayers = async <T>(
  request: LayerRequest,
  deliver: (layer: BuiltLayer) => Promise<T>,
  packed: () => void,
): Promise<DeliveredLayer<T>[]> => {
  const jobs = jobsOf(request)
  const packing = limiter(packedAtOnce)
  const delivering = limiter(deliveredAtOnce)
  const results: DeliveredLayer<T>[] = new Array(jobs.length)
  const largestFirst = [...jobs.entries()].sort(([, a], [, b]) => b.size - a.size)
  let remaining = jobs.length
  const atOnce = packedAtOnce + deliveredAtOnce
  const largest = largestFirst.slice(0, atOnce).reduce((sum, [, { size }]) => sum + size, 0)
  await checkSpace(request.folder, largest, request.compression)
  await mapConcurrently(largestFirst, atOnce, async ([index, { pack }]) => {
    const packAgain = (): Promise<BuiltLayer> => packing(() => pack().catch((cause) => explainFullDisk(cause, request)))
    const layer = await packAgain()
    if (--remaining === 0) packed()
    results[index] = { layer, delivered: await delivering(() => deliver(layer)), packAgain }
    await rm(layer.file, { force: true })
  })
  return results
}

/** How much space there should have been: all layers, as if nothing could be compressed. */
const explainFullDisk = (cause: unknown, { closure, folder }: LayerRequest): never => {
  if (!isNoSpace(cause)) throw cause
  throw new UserError(
    `There is no space left in ${folder} to pack the layers; up to ${megabytes(closureSize(closure))} are needed. Free some on the disk of the runner.`,
    { cause },
  )
}

type Job = { readonly size: number; readonly pack: () => Promise<BuiltLayer> }

const jobsOf = (request: LayerRequest): Job[] => {
  const { partition, closure, symlinkLayer, baseFiles, baseLayer, compression, layerFormat, folder } = request
  const stores = partition.map((storePaths, index) => ({
    size: storePaths.reduce((total, path) => total + (closure.paths.get(path)?.narSize ?? 0), 0),
    pack: async () => ({
      ...(await writeLayer(tar(storePathsTree(storePaths)), join(folder, `${index}`), compression)),
      key: layerKey(storePaths, closure, layerFormat),
      storePaths,
      holds: describe(storePaths),
    }),
  }))
  const symlinks = {
    size: symlinkLayer.size,
    pack: async () => {
      const blob = await writeLayer(createReadStream(symlinkLayer.path), join(folder, 'links'), compression)
      if (blob.diffID !== `sha256:${symlinkLayer.sha256}`)
        throw new Error(
          `${symlinkLayer.path} is not what Nix made: its digest is ${blob.diffID}, not sha256:${symlinkLayer.sha256}`,
        )
      return last(blob, 'links to the packages', layerFormat)
    },
  }
  const base = {
    size: 0,
    pack: async () =>
      last(
        await writeLayer(tar(baseFiles), join(folder, 'base'), compression),
        `base files: ${baseFiles
          .filter(({ name }) => !name.includes('/'))
          .map(({ name }) => `/${name}`)
          .join(', ')}`,
        layerFormat,
      ),
  }
  return baseLayer ? [...stores, symlinks, base] : [...stores, symlinks]
}

const last = (blob: LayerBlob, holds: string, format: string): BuiltLayer => ({
  ...blob,
  key: contentKey(blob.diffID, format),
  storePaths: [],
  holds,
})

/** The names of the paths in a layer, as many as fit in a line. */
const describe = (paths: readonly StorePath[]): string => {
  const names = [...new Set(paths.map(packageName))]
  return names.length > 8 ? `${names.slice(0, 7).join(', ')} and ${names.length - 7} more` : names.join(', ')
}
