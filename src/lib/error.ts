import { shortened } from './shortened.ts'

/**
 * A fault that the author of the workflow can fix. The message is one sentence that says what is wrong, where, and what
 * to write instead. The user is shown nothing else.
 */
export class UserError extends Error {
  override name = 'UserError'
}

/** How many characters an annotation can hold. */
const shown = 4_000

/** How many characters of `details` go into the log. */
const logged = 100_000

/**
 * The texts to show for an error: `sentence` for the annotation, and `details` for the log. `details` may be empty, and
 * repeats the sentence if that is too long for an annotation.
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

/** The messages of an error and its causes, outermost first. A message that is part of an earlier one is left out. */
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

/** Whether an error or one of its causes says that a disk is full. */
export const isNoSpace = (error: unknown): boolean =>
  error instanceof Error && ('code' in error && error.code === 'ENOSPC' ? true : isNoSpace(error.cause))
