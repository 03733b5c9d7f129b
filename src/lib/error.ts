import { shortened } from './shortened.ts'

/**
 * Something that whoever wrote the workflow can put right. The message is one sentence that says what is wrong, where,
 * and what to write instead; it is all that the user is shown.
 */
export class UserError extends Error {
  override name = 'UserError'
}

/** An annotation holds so many characters. */
const shown = 4_000

/** In the log; in characters. */
const logged = 100_000

/**
 * What to show of an error: `sentence` for the annotation, `details` (may be empty) for the log, with the
 * sentence again where an annotation does not hold it.
 */
export const explain = (error: unknown): { sentence: string; details: string } => {
  const isUsers = error instanceof UserError
  const sentence = isUsers
    ? error.message
    : `nix-image-action failed in a way that it does not know: ${messages(error).join(': ')}. Please report this with the log.`
  const stack = !isUsers && error instanceof Error ? (error.stack ?? '') : ''
  const details = [...(sentence.length > shown ? [sentence] : []), ...(stack ? [stack] : [])].join('\n')
  return { sentence, details: shortened(details, logged) }
}

/** The messages of an error and its causes, outermost first. A cause that only repeats is left out. */
export const messages = (error: unknown): string[] => {
  const chain: string[] = []
  const seen = new Set()
  for (
    let current = error;
    current !== undefined && !seen.has(current);
    current = current instanceof Error ? current.cause : undefined
  ) {
    seen.add(current)
    const message = current instanceof Error ? current.message || current.name : String(current)
    if (!chain.some((outer) => outer.includes(message))) chain.push(message)
  }
  return chain
}

/** Whether a disk was full, of an error or what caused it. */
export const isNoSpace = (error: unknown): boolean =>
  error instanceof Error && ('code' in error && error.code === 'ENOSPC' ? true : isNoSpace(error.cause))
