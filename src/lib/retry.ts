import type { Clock } from './clock.ts'

/**
 * Does the work, and again, from its beginning, after a fault that may pass; so it must be one that can be done twice.
 */
export type Retrying = <T>(work: () => Promise<T>) => Promise<T>

/** What there is to hope for after a fault that may pass; times in milliseconds. */
export type Hope = {
  /** The least time before the next try, as the other side asks for it. */
  readonly floor: number
  /** How often work that meets such faults is tried in all, where it is less often than any other. */
  readonly tries?: number
  /** For how long before the fault nobody answered. */
  readonly waited?: number
}

export type RetryOptions = {
  readonly signal: AbortSignal
  /** How often something is tried. */
  readonly tries: number
  /** `undefined` where it makes no sense to try again. */
  readonly hopeOf: (error: unknown) => Hope | undefined
  /** Told of each wait, in milliseconds, before it. */
  readonly onWait?: (delay: number, error: unknown) => void
}

/**
 * How long all work together waits for one server, for an answer that never comes too, however many requests it is that
 * wait; in milliseconds. What is under way when it is used up ends by its own deadline.
 */
export const waitBudget = 300_000

/**
 * The retries of all work with one server, with one budget of time for all. No other layer tries anything again, so
 * that one fault is never met with tries times tries. What the last try threw is thrown, and the reason of `signal` if
 * that ends the work or a wait.
 */
export const retries = (
  { now, sleep, random }: Pick<Clock, 'now' | 'sleep' | 'random'>,
  { signal, tries, hopeOf, onWait = () => {} }: RetryOptions,
): Retrying => {
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
        const hope = hopeOf(error)
        // Before that, something may have moved.
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
 * How long to wait before the next try, in milliseconds; `undefined` where there is no hope. Above the floor is jitter
 * of at most one step of the backoff, which doubles with each attempt (from 1). `chance` is from 0 up to 1; `limited`
 * counts only the faults that have `tries` of their own.
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
 * The floor of the delay after an answer with this status, where that is of a fault that passes: of the server, of what
 * is in front of it, or of too much at a time. `retryAfter` is what the answer asks for; both in milliseconds.
 */
export const floorOfStatus = (status: number, retryAfter = 0): number | undefined => {
  // GHCR asks for microseconds, of each of the jobs that it has turned away.
  if (status === 429) return Math.max(1000, retryAfter)
  const passes = [408, 499].includes(status) || (status >= 500 && status !== 501 && status !== 505)
  return passes ? retryAfter : undefined
}
