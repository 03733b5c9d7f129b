import { formatRepository } from '../oci/reference.ts'
import type { Outcome } from './outcome.ts'

/** What the run has written besides the image, by its absolute path. */
export type ReportFiles = { readonly sbom: string | undefined; readonly metadata: string }

/** The action's outputs, as `action.yml` lists them. `metadata` is the JSON that has room in one. */
export const outputs = (outcome: Outcome, metadata: string, files: ReportFiles): Record<string, string> => {
  const image = formatRepository(outcome.repository)
  const { digest } = outcome.descriptor
  return {
    digest,
    image,
    ref: `${image}@${digest}`,
    tags: outcome.tags.join('\n'),
    'config-digest': outcome.platforms[0].image.config.descriptor.digest,
    reused: outcome.reused,
    sbom: files.sbom ?? '',
    output: outcome.output ?? '',
    metadata,
    'metadata-file': files.metadata,
  }
}
