import type { Clock } from '../lib/clock.ts'
import { messages } from '../lib/error.ts'
import type { Log } from '../lib/log.ts'
import { floorOfStatus, type Hope, type Retrying, retries } from '../lib/retry.ts'
import { answerOf, isMissingContent, isSecondaryLimit, TransientError } from './error.ts'

type RetryPorts = { readonly signal: AbortSignal; readonly log: Pick<Log, 'info'> }

/** How often a request is tried. With the longest delays, this takes about two minutes. */
const tries = 8

/**
 * The retries of all requests of a run to a registry. The log has the words of the registry for each answer that ends
 * the work, since the sentence about it may have only some of them.
 */
export const registryRetries = (clock: Clock, { signal, log }: RetryPorts): Retrying => {
  const retrying = retries(clock, {
    signal,
    tries,
    hopeOf: (error) => hopeOf(error, clock),
    onWait: (delay, error) =>
      log.info(`Asking again in ${Math.ceil(delay / 1000)} s: ${messages(answerOf(error) ?? error)[0]}`),
  })
  return (work) =>
    retrying(work).catch((error) => {
      const answer = answerOf(error)
      if (answer) log.info(answer.message)
      throw error
    })
}

/** The upload's session is gone; a retry starts another one. */
const lostUpload: readonly (string | undefined)[] = ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID']

/** How to go on after an error of a registry; `undefined` if the error will not pass. */
export const hopeOf = (error: unknown, { idleLimit }: Pick<Clock, 'idleLimit'>): Hope | undefined => {
  if (error instanceof TransientError) {
    const { tries, waited = idleLimit } = error
    return { floor: 0, waited, ...(Number.isFinite(tries) && { tries }) }
  }
  const answer = answerOf(error)
  if (!answer) return undefined
  const { status, code, retryAfter = 0 } = answer
  // GitHub asks to wait for some minutes, but only in words.
  if (isSecondaryLimit(answer)) return { floor: Math.max(60_000, retryAfter) }
  const floor =
    floorOfStatus(status, retryAfter) ??
    (lostUpload.includes(code) && !isMissingContent(error) ? retryAfter : undefined)
  return floor === undefined ? undefined : { floor }
}
