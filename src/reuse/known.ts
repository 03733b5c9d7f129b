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

/** What a run knows of earlier ones. */
export type Known = {
  /** With the hash of its content where that is known: of files, as this run fetched it, or as an earlier one did. */
  readonly source: SourceIdentity
  /** Request keys; none before the hash of the source is known. */
  readonly keys: ReadonlyMap<Platform, string>
  /** What the Actions cache has. */
  readonly cached: Records<'cache'>
  /** Names of records in the Actions cache; this run saves under the first one. */
  readonly names: readonly string[]
  /** What this run fetched and hashed. */
  readonly fetched: readonly SourceRecord<'cache'>[]
  /** Where images and layers are looked for: first what the cache has, then what the registry has. */
  readonly searched: readonly Records<Level>[]
  /** Images of which the registry does not have all. */
  readonly lost: readonly ImageRecord<Level>[]
  /** Nothing is searched any more: this run makes all by itself. */
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

/** The same without an image that cannot be had. */
export const withoutImage = (known: Known, image: ImageRecord<Level>): Known => ({
  ...known,
  lost: [...known.lost, image],
})

/** The same, with nothing to be searched from now on. */
export const forgotten = (known: Known): Known => ({ ...known, searched: [], isForgotten: true })

/** Whether this run built all of an image. */
export const isBuiltHere = ({ contents }: PlatformImage): boolean =>
  contents.layers.every(({ made }) => made === 'built')

/** The image that an earlier run made, as this one configures it. */
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
    reused: { milliseconds },
  }
}
