import { count, list, optional, record, string } from '../lib/check.ts'
import { type Descriptor, type Digest, parseDigest } from './descriptor.ts'
import { isLayerMediaType } from './media-type.ts'

/** A layer and its key. `diffID` is the digest of the layer's archive before compression. */
export type KeyedLayer = { readonly key: string; readonly descriptor: Descriptor; readonly diffID: Digest }

const names = { key: 'io.github.nix-image-action.key', diffID: 'io.github.nix-image-action.diff-id' } as const

/** The descriptor of a layer in a manifest, with annotations of its key and its diffID. */
export const annotated = ({ key, descriptor, diffID }: KeyedLayer): Descriptor => ({
  ...descriptor,
  annotations: { [names.key]: key, [names.diffID]: diffID },
})

/**
 * The layers of a manifest that have a key in their annotations. A manifest of another tool has none. Throws an `Error`
 * if a layer is malformed.
 */
export const keyedLayers = (manifest: unknown): KeyedLayer[] =>
  (optional(list(record))(record(manifest, 'the manifest')['layers'], 'layers') ?? []).flatMap((layer, index) => {
    const what = `layers[${index}]`
    const annotations = optional(record)(layer['annotations'], `${what}.annotations`) ?? {}
    const mediaType = string(layer['mediaType'], `${what}.mediaType`)
    const { [names.key]: key, [names.diffID]: diffID } = annotations
    if (key === undefined || diffID === undefined || !isLayerMediaType(mediaType)) return []
    return {
      key: string(key, names.key),
      descriptor: {
        mediaType,
        digest: parseDigest(layer['digest'], `${what}.digest`),
        size: count(layer['size'], `${what}.size`),
      },
      diffID: parseDigest(diffID, names.diffID),
    }
  })
