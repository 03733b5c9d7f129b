import { assemble } from '../image/assemble.ts'
import type { DatedConfiguration } from '../image/configuration.ts'
import type { PlatformImage } from '../image/platform-image.ts'
import type { SourceIdentity } from '../nix/source.ts'
import type { Platform } from '../oci/platform.ts'
import {
  findImage,
  findLayer,
  type ImageRecord,
  type LayerRecord,
  type Level,
  type Records,
  type SourceRecord,
} from './records.ts'

/** A run's knowledge of earlier runs. */
export type Known = {
  /**
   * The source, with the hash of its content if it is known: from the files, from this run's download or from an
   * earlier run.
   */
  readonly source: SourceIdentity
  /** The request key of each platform; empty until the hash of the source is known. */
  readonly keys: ReadonlyMap<Platform, string>
  /** The records in the Actions cache. */
  readonly cached: Records<'cache'>
  /** The names of records in the Actions cache. This run saves its own under the first one. */
  readonly names: readonly string[]
  /** The sources that this run fetched and hashed. */
  readonly fetched: readonly SourceRecord<'cache'>[]
  /** The records in which images and layers are looked up: first the cache's, then the registry's. */
  readonly searched: readonly Records<Level>[]
  /** Images that the registry does not have completely. */
  readonly lost: readonly ImageRecord<Level>[]
  /** Whether nothing is looked up any more, so that this run makes everything by itself. */
  readonly isForgotten: boolean
}

/** The records of a platform's image, in the order in which to try them. */
export const knownImages = ({ keys, searched, lost }: Known, platform: Platform): ImageRecord<Level>[] =>
  searched
    .flatMap((records) => findImage(records, keys.get(platform) ?? '') ?? [])
    .filter((image) => !lost.includes(image))

/** The records of a layer, in the order in which to try them. */
export const knownLayers = ({ searched }: Known, key: string): LayerRecord<Level>[] =>
  searched.flatMap((records) => findLayer(records, key) ?? [])

/** The same without an image that the target does not take. */
export const withoutImage = (known: Known, image: ImageRecord<Level>): Known => ({
  ...known,
  lost: [...known.lost, image],
})

/** The same, but nothing is looked up from now on. */
export const forgotten = (known: Known): Known => ({ ...known, searched: [], isForgotten: true })

/** Whether this run built all layers of an image. */
export const isBuiltHere = ({ contents }: PlatformImage): boolean =>
  contents.layers.every(({ made }) => made === 'built')

/** The image that an earlier run made, with this run's configuration. */
export const reusedImage = (
  { contents, milliseconds, level }: ImageRecord<Level>,
  platform: Platform,
  configuration: DatedConfiguration,
  isPushed: boolean,
): PlatformImage => {
  const made = { made: 'reused', isClaim: level === 'registry', blob: isPushed ? 'there' : undefined } as const
  const layers = contents.layers.map((layer) => ({ ...layer, ...made }))
  return {
    platform,
    contents: { ...contents, layers },
    image: assemble(contents, configuration, platform),
    isPartial: false,
    reused: { milliseconds },
  }
}
