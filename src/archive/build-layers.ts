import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { mapConcurrently } from '../concurrent.ts'
import type { Closure } from '../graph/closure.ts'
import { contentKey, layerKey } from '../layers/layer-key.ts'
import type { Partition } from '../layers/partition.ts'
import type { ImageSpec } from '../nix/image-spec.ts'
import { packageName, type StorePath } from '../nix/store-path.ts'
import type { Plan } from '../plan.ts'
import { type LayerBlob, writeLayer } from './layer.ts'
import type { Links } from './links.ts'
import { rootFileSystem } from './root-file-system.ts'
import { tar } from './tar.ts'
import { storePathsTree } from './tree.ts'

/** A layer in a file, and what is in it. `holds` is for people. */
export type BuiltLayer = LayerBlob & {
  readonly key: string
  readonly storePaths: readonly StorePath[]
  readonly holds: string
}

/** While one layer waits for the disk, another one can use the processor. */
const inFlight = 2

/** The layers of store paths, in the partition's order, written to `folder`. */
export const buildStoreLayers = (
  partition: Partition,
  closure: Closure,
  { compression, layerFormat }: Plan,
  folder: string,
): Promise<BuiltLayer[]> =>
  mapConcurrently(partition, inFlight, async (storePaths, index) => ({
    ...(await writeLayer(tar(storePathsTree(storePaths)), join(folder, `${index}`), compression)),
    key: layerKey(storePaths, closure, layerFormat),
    storePaths,
    holds: describe(storePaths),
  }))

/** The symlink layer as Nix made it, and above it the base layer where the preset has one. */
export const buildLastLayers = async (
  { symlinkLayer }: ImageSpec,
  links: Links,
  { baseLayer, compression, layerFormat }: Plan,
  folder: string,
): Promise<BuiltLayer[]> => {
  const symlinks = await writeLayer(createReadStream(symlinkLayer.path), join(folder, 'links'), compression)
  if (symlinks.diffID !== `sha256:${symlinkLayer.sha256}`)
    throw new Error(
      `${symlinkLayer.path} is not what Nix made: its digest is ${symlinks.diffID}, not ${symlinkLayer.sha256}`,
    )
  const layers = [last(symlinks, 'links to the packages', layerFormat)]
  if (!baseLayer) return layers
  const base = await writeLayer(tar(rootFileSystem(links)), join(folder, 'base'), compression)
  return [...layers, last(base, 'base files: /etc, /tmp', layerFormat)]
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
