import type { Clock } from './clock.ts'

/** Does the work, and does it again from the start after a fault that may pass. The work must be safe to repeat. */
export type Retrying = <T>(work: () => Promise<T>) => Promise<T>

/** How to try again after a fault that may pass; times in milliseconds. */
export type Hope = {
  /** The least time before the next try, as the server asks for it. */
  readonly floor: number
  /** The most tries of work that meets such faults, if that is fewer than for other faults. */
  readonly tries?: number
  /** How long the server was silent before the fault. */
  readonly waited?: number
}

export type RetryOptions = {
  readonly signal: AbortSignal
  /** How often work is tried at most. */
  readonly tries: number
  /** `undefined` if another try makes no sense. */
  readonly hopeOf: (error: unknown) => Hope | undefined
  /** Called before each wait with its length in milliseconds. */
  readonly onWait?: (delay: number, error: unknown) => void
}

/**
 * The budget that all work together has for waiting for one server, in milliseconds. Waiting for an answer that never
 * comes counts too. Waits at the same time count once. When the budget is used up, work under way ends by its own
 * deadline.
 */
export const waitBudget = 300_000

/**
 * The retries of all work with one server, with one time budget for all. No other layer tries anything again, so that
 * tries do not multiply. Throws the error of the last try, or the reason of `signal` if that ends the work or a wait.
 */
export const retries = (
  { now, sleep, random }: Pick<Clock, 'now' | 'sleep' | 'random'>,
  { signal, tries, hopeOf, onWait = () => {} }: RetryOptions,
): Retrying => {
  let spent = 0
  let until = Number.NEGATIVE_INFINITY
  /** What a wait adds to `spent`. Time that an earlier wait has covered does not count again. */
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
        const hope = hopeOf(error)
        // Only the silence counts; before it, data may have arrived.
        if (hope?.waited) spend(Math.max(start, end - hope.waited), end)
        const delay = retryDelay(hope, attempt, random(), hope?.tries === undefined ? 0 : ++limited)
        if (delay === undefined || attempt === tries || spent + cost(end, end + delay) > waitBudget) throw error
        spend(end, end + delay)
        onWait(delay, error)
        await sleep(delay, signal).finally(() => signal.throwIfAborted())
      }
    }
  }
}

const firstDelay = 500
const longestDelay = 30_000

/**
 * How long to wait before the next try, in milliseconds; `undefined` if there is no next try. The wait is the floor
 * plus a random part, from half a step to a whole step of the backoff. A step doubles with each attempt (from 1).
 * `chance` is from 0 up to 1; `limited` counts only the faults that have `tries` of their own.
 */
export const retryDelay = (
  hope: Hope | undefined,
  attempt: number,
  chance: number,
  limited = attempt,
): number | undefined => {
  if (!hope || limited >= (hope.tries ?? Number.POSITIVE_INFINITY)) return undefined
  const step = Math.min(longestDelay, firstDelay * 2 ** (attempt - 1))
  return hope.floor + (step * (1 + chance)) / 2
}

/**
 * The floor of the delay after an answer with this status; `undefined` if its fault does not pass. Faults of the server
 * and of a proxy in front of it may pass, and so may too many requests. `retryAfter` is the wait that the answer asks
 * for; both in milliseconds.
 */
export const floorOfStatus = (status: number, retryAfter = 0): number | undefined => {
  // GHCR asks each of the jobs that it refuses to wait for microseconds only.
  if (status === 429) return Math.max(1000, retryAfter)
  const passes = [408, 499].includes(status) || (status >= 500 && status !== 501 && status !== 505)
  return passes ? retryAfter : undefined
}
