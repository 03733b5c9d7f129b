import { closureSize } from '../graph/closure.ts'
import { digestOf } from '../oci/descriptor.ts'
import { formatRepository } from '../oci/reference.ts'
import type { Outcome, OutcomeLayer, PlatformOutcome } from './outcome.ts'

/** The report of a run, as JSON. `text` is all of it, for a file; `output` has at most 32 kB. */
export type Metadata = { readonly fileName: string; readonly text: string; readonly output: string }

/**
 * In bytes. GitHub allows 1 MB, in UTF-16, for all outputs of a job together, and the jobs of a matrix may have many.
 */
const most = 32_000

/**
 * Only the file has store paths and licences. If an output is still too large, counts replace the layers, then the
 * packages, then the tags, and `truncated` is true. README.md describes the format.
 */
export const metadata = (outcome: Outcome): Metadata => {
  const { platforms, tags, source } = outcome
  const whole = metadataOf(outcome, {
    packages: platforms[0].packages.map(({ homepage: _, ...known }) => known),
    layersOf: ({ layers }) => layers.map(({ storePaths, ...layer }) => ({ ...layerOf(layer), storePaths })),
  })
  const packages = platforms[0].packages.map(({ attr, name, version, outputs }) => {
    return { attr, name, version, outputs: outputs.map((output) => ({ name: output.name })) }
  })
  const countLayers = ({ layers }: PlatformOutcome): number => layers.length
  const counted = { truncated: true, layersOf: countLayers }
  const candidates: readonly Parameters<typeof metadataOf>[1][] = [
    { packages, layersOf: ({ layers }) => layers.map(layerOf) },
    { packages, ...counted },
    { packages: packages.length, ...counted },
    { packages: packages.length, tags: tags.length, ...counted },
    // Only a URL can make an output so long.
    { packages: packages.length, tags: tags.length, url: source.url.slice(0, 1000), ...counted },
  ]
  const outputs = candidates.map((parts) => JSON.stringify(metadataOf(outcome, parts)))
  const text = JSON.stringify(whole)
  return {
    fileName: `${outcome.repository.name.replace(/.*\//s, '')}-${digestOf(Buffer.from(text)).slice(7, 39)}.metadata.json`,
    text,
    output: outputs.find((output) => Buffer.byteLength(output) <= most) ?? outputs.at(-1) ?? '',
  }
}

const layerOf = ({
  digest,
  diffID,
  mediaType,
  size,
  key,
  narSize,
  made,
  blob,
}: Omit<OutcomeLayer, 'storePaths'>): object => ({ digest, diffId: diffID, mediaType, size, key, narSize, made, blob })

const metadataOf = (
  outcome: Outcome,
  parts: {
    readonly packages: unknown
    readonly layersOf: (platform: PlatformOutcome) => unknown
    readonly tags?: number
    readonly url?: string
    readonly truncated?: boolean
  },
): unknown => {
  const { descriptor, platforms, source } = outcome
  const { packages, layersOf, tags = outcome.tags, url = source.url, truncated } = parts
  const total = (size: (platform: PlatformOutcome) => number): number =>
    platforms.reduce((sum, platform) => sum + size(platform), 0)
  return {
    image: formatRepository(outcome.repository),
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    tags,
    reused: outcome.reused,
    source: { type: source.type, url, revision: source.revision, narHash: source.narHash },
    packages,
    platforms: platforms.map((platform) => ({
      platform: platform.platform,
      digest: platform.image.manifest.descriptor.digest,
      configDigest: platform.image.config.descriptor.digest,
      layers: layersOf(platform),
    })),
    bytes: {
      closure: total(({ closure }) => closureSize(closure)),
      layers: total(({ layers }) => layers.reduce((sum, { size }) => sum + size, 0)),
      uploaded: outcome.uploaded,
    },
    requests: outcome.requests,
    timings: outcome.timings,
    truncated,
  }
}
