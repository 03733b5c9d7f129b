import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { checkNars } from '../archive/check-nars.ts'
import { checkSpace } from '../archive/check-space.ts'
import type { ArchiveContent } from '../archive/hash-archive.ts'
import { type LayerBlob, writeLayer } from '../archive/layer.ts'
import { tar } from '../archive/tar.ts'
import { storePathsTree, type TreeEntry } from '../archive/tree.ts'
import { type Closure, closureSize } from '../graph/closure.ts'
import type { Layer } from '../image/contents.ts'
import type { MadeLayer } from '../image/platform-image.ts'
import { contentKey, layerKey } from '../layers/layer-key.ts'
import type { Partition } from '../layers/partition.ts'
import { limiter, mapConcurrently } from '../lib/concurrent.ts'
import { isNoSpace, UserError } from '../lib/error.ts'
import { megabytes } from '../lib/units.ts'
import { changedInStore } from '../nix/changed-in-store.ts'
import type { ImageSpec } from '../nix/image-spec.ts'
import { packageName, type StorePath } from '../nix/store-path.ts'
import { type Digest, digestOf } from '../oci/descriptor.ts'
import type { ImagePlan } from '../plan.ts'

/** A layer in a file. */
export type PackedLayer = Layer & Pick<LayerBlob, 'file'>

/** The content of the layers, and how they are packed. Their files are written to `folder`. */
export type LayerRequest = Pick<ImagePlan, 'compression' | 'layerFormat'> & {
  readonly partition: Partition
  readonly closure: Closure
  readonly symlinkLayer: ImageSpec['symlinkLayer']
  /** The entries of the base layer. Without any, there is no base layer. */
  readonly baseFiles: readonly TreeEntry[]
  readonly folder: string
}

/** While one layer waits for the disk, another one can use the processor. More would only take memory. */
const packedAtOnce = 2

/** More at once are no faster on a runner's network. Six stay well below the request limits of registries. */
const deliveredAtOnce = 6

/** How layers are found and delivered. */
export type LayerPorts = {
  /** Finds a layer with this key that need not be packed, since the target has it already. */
  readonly find: (key: string) => Promise<FoundLayer | undefined>
  /**
   * Takes a complete layer, and returns whether its blob was sent or there already. The caller removes the file
   * afterwards.
   */
  readonly deliver: (layer: PackedLayer) => Promise<MadeLayer['blob']>
  /**
   * Keeps `pack`, which makes the file of a delivered or found layer once more. The caller of `pack` removes that file.
   */
  readonly keep: (layer: Digest, pack: () => Promise<PackedLayer>) => void
  /** Called when the last layer has been packed or found. */
  readonly allPacked: () => void
}

/** A layer that was found, so that it is not packed. */
type FoundLayer = Pick<MadeLayer, 'descriptor' | 'diffID' | 'isClaim'>

/**
 * Builds the layers of an image: those of store paths in the partition's order, then the symlink layer as Nix made it,
 * then the base layer if there is one. Each layer that is not found is packed, the largest first, since they take
 * longest. `deliver` gets a layer as soon as it is complete, while others are still being packed; then its file is
 * removed. Returns the layers in the image's order. Throws a `UserError` if a store path is not what the closure says,
 * before its layer is delivered.
 */
export const buildLayers = async (
  request: LayerRequest,
  { find, deliver, keep, allPacked }: LayerPorts,
): Promise<MadeLayer[]> => {
  const tasks = await tasksOf(request)
  const packing = limiter(packedAtOnce)
  const delivering = limiter(deliveredAtOnce)
  const layers: MadeLayer[] = new Array(tasks.length)
  const largestFirst = [...tasks.entries()].sort(([, a], [, b]) => b.size - a.size)
  let remaining = tasks.length
  await mapConcurrently(largestFirst, packedAtOnce + deliveredAtOnce, async ([index, task]) => {
    const { key, storePaths, holds, size } = task
    const pack = async (): Promise<PackedLayer> => {
      await checkSpace(request.folder, size, request.compression)
      const { descriptor, diffID, file } = await packing(() =>
        task.pack().catch((cause) => explainFullDisk(cause, request)),
      )
      return { descriptor, diffID, key, storePaths, holds, file }
    }
    const found = await find(key)
    const packed = found ? undefined : await pack()
    if (--remaining === 0) allPacked()
    if (found) {
      layers[index] = { ...found, key, storePaths, holds, made: 'reused', blob: 'there' }
      keep(found.descriptor.digest, pack)
    }
    if (packed) {
      const { file, ...layer } = packed
      layers[index] = { ...layer, made: 'built', isClaim: false, blob: await delivering(() => deliver(packed)) }
      keep(layer.descriptor.digest, pack)
      await rm(file, { force: true })
    }
  })
  return layers
}

/**
 * Throws a `UserError` for a full disk. It names the most space that can be needed: all layers without compression.
 * Throws any other `cause` as it is.
 */
const explainFullDisk = (cause: unknown, { closure, folder }: LayerRequest): never => {
  if (!isNoSpace(cause)) throw cause
  throw new UserError(
    `There is no space left in ${folder} to pack the layers; up to ${megabytes(closureSize(closure))} are needed. Free some on the disk of the runner.`,
    { cause },
  )
}

type Task = Pick<Layer, 'key' | 'storePaths' | 'holds'> & {
  readonly size: number
  readonly pack: () => Promise<LayerBlob>
}

const tasksOf = async (request: LayerRequest): Promise<Task[]> => {
  const { partition, closure, symlinkLayer, baseFiles, compression, layerFormat, folder } = request
  const write = (archive: AsyncIterable<Uint8Array>, name: string, content?: ArchiveContent) =>
    writeLayer(archive, join(folder, name), compression, content)
  const stores = partition.map((storePaths, index) => ({
    key: layerKey(storePaths, closure, layerFormat),
    size: storePaths.reduce((total, path) => total + (closure.paths.get(path)?.narSize ?? 0), 0),
    storePaths,
    holds: describe(storePaths),
    pack: async () => {
      const { nars, ...blob } = await write(tar(storePathsTree(storePaths)), `${index}`, 'store paths')
      checkNars(nars, storePaths, closure)
      return blob
    },
  }))
  const linksID: Digest = `sha256:${symlinkLayer.sha256}`
  const symlinks = {
    key: contentKey(linksID, layerFormat),
    size: symlinkLayer.size,
    storePaths: [],
    holds: 'links to the packages',
    pack: async () => {
      const blob = await write(createReadStream(symlinkLayer.path), 'links')
      if (blob.diffID !== linksID)
        throw changedInStore(symlinkLayer.path, `its digest is ${blob.diffID} and not ${linksID}`)
      return blob
    },
  }
  return baseFiles.length > 0 ? [...stores, symlinks, await baseTask(request, write)] : [...stores, symlinks]
}

/** The base layer is small enough for the memory, so its digest, which its key needs, is known before it is written. */
const baseTask = async (
  { baseFiles, layerFormat }: LayerRequest,
  write: (archive: AsyncIterable<Uint8Array>, name: string) => Promise<LayerBlob>,
): Promise<Task> => {
  const archive = Buffer.concat(await Array.fromAsync(tar(baseFiles)))
  return {
    key: contentKey(digestOf(archive), layerFormat),
    size: archive.length,
    storePaths: [],
    holds: `base files: ${baseFiles
      .filter(({ name }) => !name.includes('/'))
      .map(({ name }) => `/${name}`)
      .join(', ')}`,
    pack: () => write(Readable.from([archive]), 'base'),
  }
}

/** The names of the paths in a layer, as many as fit in a line. */
const describe = (paths: readonly StorePath[]): string => {
  const names = [...new Set(paths.map(packageName))]
  return names.length > 8 ? `${names.slice(0, 7).join(', ')} and ${names.length - 7} more` : names.join(', ')
}
