import { closureSize } from '../graph/closure.ts'
import { formatRepository } from '../oci/reference.ts'
import type { Outcome, PlatformOutcome } from '../outcome.ts'

/** The action's outputs, as `action.yml` lists them. `sbom` is the file of the bill of materials, if there is one. */
export const outputs = (outcome: Outcome, sbom: string | undefined): Record<string, string> => {
  const image = formatRepository(outcome.repository)
  const { digest } = outcome.descriptor
  return {
    digest,
    image,
    ref: `${image}@${digest}`,
    tags: outcome.tags.join('\n'),
    'config-digest': outcome.platforms[0].image.config.descriptor.digest,
    reused: outcome.reused,
    sbom: sbom ?? '',
    output: outcome.output ?? '',
    metadata: JSON.stringify(metadata(outcome)),
  }
}

const metadata = (outcome: Outcome): unknown => {
  const { descriptor, platforms, source } = outcome
  const total = (size: (platform: PlatformOutcome) => number): number =>
    platforms.reduce((sum, platform) => sum + size(platform), 0)
  return {
    image: formatRepository(outcome.repository),
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    tags: outcome.tags,
    reused: outcome.reused,
    source: { type: source.type, url: source.url, revision: source.revision, narHash: source.narHash },
    packages: platforms[0].packages.map(({ attr, name, version, outPath }) => ({ attr, name, version, outPath })),
    platforms: platforms.map(({ platform, image, layers }) => ({
      platform,
      digest: image.manifest.descriptor.digest,
      configDigest: image.config.descriptor.digest,
      layers: layers.map(({ digest, diffID, mediaType, size, key, storePaths, narSize, origin }) => ({
        digest,
        diffId: diffID,
        mediaType,
        size,
        key,
        storePaths,
        narSize,
        origin,
      })),
    })),
    bytes: {
      closure: total(({ closure }) => closureSize(closure)),
      layers: total(({ layers }) => layers.reduce((sum, { size }) => sum + size, 0)),
      uploaded: outcome.uploaded,
    },
    requests: outcome.requests,
    timings: outcome.timings,
  }
}
