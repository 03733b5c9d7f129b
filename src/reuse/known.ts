import { assemble } from '../image/assemble.ts'
import type { PlatformImage } from '../image/platform-image.ts'
import type { SourceIdentity } from '../nix/source.ts'
import type { Platform } from '../oci/platform.ts'
import type { Plan } from '../plan.ts'
import {
  findImage,
  findLayer,
  type ImageRecord,
  type LayerRecord,
  type Level,
  type Records,
  type SourceRecord,
} from './records.ts'

/** What a run knows of earlier ones. */
export type Known = {
  /** With the hash of its content where that is known: of files, as this run fetched it, or as an earlier one did. */
  readonly source: SourceIdentity
  /** Request keys; none before the hash of the source is known. */
  readonly keys: ReadonlyMap<Platform, string>
  /** What the Actions cache has, and the names that it is saved under. */
  readonly cached: Records<'cache'>
  readonly names: readonly string[]
  /** What this run fetched and hashed. */
  readonly fetched: readonly SourceRecord<'cache'>[]
  /** Where images and layers are looked for: first in the cache, then in the registry. */
  readonly used: readonly Records<Level>[]
  /** Images of which the registry does not have all. */
  readonly lost: readonly ImageRecord<Level>[]
  /** Nothing is used any more: this run makes all by itself. */
  readonly isForgotten: boolean
}

/** The records of a platform's image, in the order in which to try them. */
export const knownImages = ({ keys, used, lost }: Known, platform: Platform): ImageRecord<Level>[] =>
  used.flatMap((records) => findImage(records, keys.get(platform) ?? '') ?? []).filter((image) => !lost.includes(image))

/** The records of a layer, in the order in which to try them. */
export const knownLayers = ({ used }: Known, key: string): LayerRecord<Level>[] =>
  used.flatMap((records) => findLayer(records, key) ?? [])

/** The same without an image that cannot be had. */
export const withoutImage = (known: Known, image: ImageRecord<Level>): Known => ({
  ...known,
  lost: [...known.lost, image],
})

/** The same, of which nothing is used. */
export const forgotten = (known: Known): Known => ({ ...known, used: [], isForgotten: true })

/** The image that an earlier run made, as this one configures it. */
export const reusedImage = (
  { contents, milliseconds }: ImageRecord<Level>,
  platform: Platform,
  { image, target }: Pick<Plan, 'image' | 'target'>,
): PlatformImage => {
  const blob = target.push ? 'there' : undefined
  const layers = contents.layers.map((layer) => ({ ...layer, made: 'reused', blob }) as const)
  return {
    platform,
    contents: { ...contents, layers },
    image: assemble(contents, image.configuration, platform),
    reused: { milliseconds },
  }
}
