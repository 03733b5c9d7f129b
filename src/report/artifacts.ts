import { list, parseJson, record } from '../lib/check.ts'
import { formatRepository } from '../oci/reference.ts'
import type { Outcome } from './outcome.ts'

/**
 * The line for `$GITHUB_ARTIFACTS` that names the image to the runner, and through it to actions/attest. `declared` is
 * the text of `$GITHUB_ARTIFACTS_LIST`, empty if the runner keeps no list. Returns `undefined` if the job has named
 * this repository with another digest before: the runner accepts one digest for each name, and fails a step that gives
 * another one. Source: https://github.com/actions/runner, CreateArtifactsFileCommand.cs and
 * ArtifactsListFileCommand.cs.
 */
export const artifactLine = ({ repository, descriptor }: Outcome, declared: string): string | undefined => {
  const name = formatRepository(repository)
  const other = subjects(declared).some(
    (subject) => subject['name'] === name && subject['digest'] !== descriptor.digest,
  )
  return other ? undefined : `oci://${name}@${descriptor.digest}\n`
}

const subjects = (declared: string): Record<string, unknown>[] => {
  if (declared.trim() === '') return []
  const file = 'GITHUB_ARTIFACTS_LIST'
  return list(record)(record(parseJson(declared, file), file)['subjects'], `${file}: subjects`)
}
