import type { Digest } from '../oci/descriptor.ts'
import { formatRepository, type Repository } from '../oci/reference.ts'
import type { MovedTag } from './push.ts'

/** What a run is, and to what it has moved the tags. */
export type Mover = {
  readonly repository: Repository
  readonly digest: Digest
  readonly commit: string
  readonly attempt: number
}

/** What whoever runs the workflow should know of tags that named something else before. */
export const explainMoves = (
  moved: readonly MovedTag[],
  { repository, digest, commit, attempt }: Mover,
): { readonly level: 'notice' | 'warning'; readonly message: string }[] =>
  moved.flatMap(({ tag, from }) => {
    const moves = `${formatRepository(repository)}:${tag} named ${from} and now names ${digest}`
    if (attempt > 1)
      return {
        level: 'notice',
        message: `${moves}. This is attempt ${attempt} of a run for the commit ${commit}; if a newer commit had set the tag, run that one again.`,
      }
    if (tag === commit)
      return {
        level: 'warning',
        message: `${moves}: another image was pushed for the same commit. Entries of a matrix need \`tags\` or an \`image\` of their own.`,
      }
    return []
  })
