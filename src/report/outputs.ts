import { formatRepository } from '../oci/reference.ts'
import type { Outcome } from './outcome.ts'

/** The absolute paths of the files that the run wrote besides the image. */
export type ReportFiles = { readonly sbom: string | undefined; readonly metadata: string }

/** The action's outputs, as `action.yml` lists them. `metadata` is the JSON that fits into an output. */
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
