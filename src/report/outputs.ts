import { formatRepository } from '../oci/reference.ts'
import type { Outcome } from '../outcome.ts'

/** The action's outputs, as `action.yml` lists them. */
export const outputs = (outcome: Outcome): Record<string, string> => {
  const image = formatRepository(outcome.repository)
  const { digest } = outcome.image.manifest.descriptor
  return {
    digest,
    image,
    ref: `${image}@${digest}`,
    tags: outcome.tags.join('\n'),
    'config-digest': outcome.image.config.descriptor.digest,
    reused: 'none',
    sbom: '',
    output: outcome.output ?? '',
    metadata: JSON.stringify(metadata(outcome)),
  }
}

const metadata = (outcome: Outcome): unknown => {
  const { manifest, config } = outcome.image
  const { srcType, srcArgs } = outcome.source
  return {
    image: formatRepository(outcome.repository),
    digest: manifest.descriptor.digest,
    mediaType: manifest.descriptor.mediaType,
    tags: outcome.tags,
    reused: 'none',
    source: { type: srcType, ...srcArgs },
    packages: outcome.packages.map(({ attr, name, version, outPath }) => ({ attr, name, version, outPath })),
    platforms: [
      {
        platform: outcome.platform,
        digest: manifest.descriptor.digest,
        configDigest: config.descriptor.digest,
        layers: outcome.layers.map(({ holds: _, ...layer }) => layer),
      },
    ],
    bytes: {
      closure: outcome.closureSize,
      layers: outcome.layers.reduce((total, { size }) => total + size, 0),
      uploaded: outcome.uploaded,
    },
    requests: outcome.requests,
    timings: outcome.timings,
  }
}
