import { messages } from '../lib/error.ts'
import type { Log } from '../lib/log.ts'
import { answerOf, isSecondaryLimit, PassingError } from './error.ts'
import type { Patience } from './patience.ts'

/**
 * Does the work, and again, from its beginning, after a fault that may pass; so it must be one that can be done twice.
 */
export type Retrying = <T>(work: () => Promise<T>) => Promise<T>

type RetryPorts = { readonly signal: AbortSignal; readonly log: Pick<Log, 'info'> }

/** How often something is tried. With the longest delays this is about two minutes. */
const tries = 8

/**
 * How long a run waits for a registry in all, for an answer that never comes too, however many requests it is that
 * wait; in milliseconds. What is under way when it is used up ends by its own deadline.
 */
export const waitBudget = 300_000

/**
 * The retries of all requests of a run, with one budget of time for all. No other layer tries anything again, so that
 * one fault is never met with tries times tries. What the last try threw is thrown.
 */
export const retries = ({ now, sleep, random, idleLimit }: Patience, { signal, log }: RetryPorts): Retrying => {
  let spent = 0
  let until = Number.NEGATIVE_INFINITY
  /** What a wait adds to those that there were; what is side by side counts once. */
  const cost = (from: number, to: number): number => Math.max(0, to - Math.max(from, until))
  const spend = (from: number, to: number): void => {
    spent += cost(from, to)
    until = Math.max(until, to)
  }
  return async (work) => {
    let limited = 0
    for (let attempt = 1; ; attempt++) {
      const start = now()
      try {
        return await work()
      } catch (error) {
        signal.throwIfAborted()
        const end = now()
        // Nobody answered for so long; before that, something may have moved.
        if (error instanceof PassingError) spend(Math.max(start, end - (error.waited ?? idleLimit)), end)
        const isLimited = error instanceof PassingError && Number.isFinite(error.tries)
        const delay = retryDelay(error, attempt, random(), isLimited ? ++limited : 0)
        if (delay === undefined || attempt === tries || spent + cost(end, end + delay) > waitBudget) throw error
        spend(end, end + delay)
        log.info(`Asking again in ${Math.ceil(delay / 1000)} s: ${messages(answerOf(error) ?? error)[0]}`)
        await sleep(delay, signal)
      }
    }
  }
}

/** Statuses of faults that pass: of the registry, of what is in front of it, or of too much at a time. */
const isPassing = (status: number): boolean =>
  [408, 429, 499].includes(status) || (status >= 500 && status !== 501 && status !== 505)

/** The session of an upload is gone; the next one is another. */
const lostUpload: readonly (string | undefined)[] = ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID']

const firstDelay = 500
const longestDelay = 30_000

/**
 * How long to wait before the next try, in milliseconds; `undefined` where it makes no sense to try again. What the
 * registry asks for is the floor. Above it is jitter of at most one step of the backoff, which doubles with each
 * attempt (from 1). `chance` is from 0 up to 1; `limited` counts only the errors that have `tries` of their own.
 */
export const retryDelay = (error: unknown, attempt: number, chance: number, limited = attempt): number | undefined => {
  const floor = floorOf(error)
  if (floor === undefined || (error instanceof PassingError && limited >= error.tries)) return undefined
  const step = Math.min(longestDelay, firstDelay * 2 ** (attempt - 1))
  return floor + (step * (1 + chance)) / 2
}

const floorOf = (error: unknown): number | undefined => {
  if (error instanceof PassingError) return 0
  const answer = answerOf(error)
  if (!answer) return undefined
  const { status, code, retryAfter = 0 } = answer
  // GitHub asks for some minutes, but in words only.
  if (isSecondaryLimit(answer)) return Math.max(60_000, retryAfter)
  // GHCR asks for microseconds, of each of the jobs that it has turned away.
  if (status === 429) return Math.max(1000, retryAfter)
  return isPassing(status) || lostUpload.includes(code) ? retryAfter : undefined
}
