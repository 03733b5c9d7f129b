import type { Digest } from '../oci/descriptor.ts'
import { formatRepository, type Repository } from '../oci/reference.ts'
import type { MovedTag } from '../registry/push.ts'

/** The identity of a run, and the digest that it moved the tags to. */
export type Mover = {
  readonly repository: Repository
  readonly digest: Digest
  readonly commit: string
  readonly attempt: number
}

/** Log messages about tags that named something else before, or that name something else now. */
export const explainMoves = (
  moved: readonly MovedTag[],
  { repository, digest, commit, attempt }: Mover,
): { readonly level: 'notice' | 'warning'; readonly message: string }[] =>
  moved.flatMap(({ tag, from, rival }) => {
    const name = `${formatRepository(repository)}:${tag}`
    if (rival !== undefined)
      return {
        level: 'notice',
        message: `${name} names ${rival} already, which another job has set at the same time; this run's image is ${formatRepository(repository)}@${digest}.`,
      }
    if (from === undefined || from === digest) return []
    const moves = `${name} named ${from} and now names ${digest}`
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

/**
 * A sentence about the tags of a push that failed after it had moved some; `undefined` if it has moved none. `done` are
 * those that it came to, the first of `tags`.
 */
export const explainUnfinished = (
  done: readonly MovedTag[],
  tags: readonly string[],
  { repository, digest }: Pick<Mover, 'digest' | 'repository'>,
): string | undefined => {
  const ours = done.filter(({ rival }) => rival === undefined)
  const [failed, ...others] = tags.slice(done.length)
  if (failed === undefined || ours.every(({ from }) => from === digest)) return undefined
  const rest = others.length > 0 ? `; not reached: ${others.join(', ')}` : ''
  return `${formatRepository(repository)} names ${digest} as ${ours.map(({ tag }) => tag).join(', ')} already, but the push failed at ${failed}${rest}.`
}
