import { messages } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { cacheLimits } from './cache-limits.ts'

/** The time budget of one run for the Actions cache. Only time spent in cache work counts. */
export type CacheBudget = {
  /**
   * Does the work, which must end when `over` aborts. Logs errors, and the end of the budget, as a notice that starts
   * with `failed`, and returns `undefined`. Returns `undefined` at once if the budget was used up before. Work that
   * takes longer than `deadline`, in milliseconds, ends the whole budget: a service that is so late with something
   * small is not asked again.
   */
  readonly within: <T>(
    failed: string,
    deadline: number | undefined,
    work: (over: AbortSignal) => Promise<T>,
  ) => Promise<T | undefined>
}

/** In characters. An error may quote a text of any length. */
const longest = 500

/** `limit` is in milliseconds. */
export const cacheBudget = (
  { log, signal }: Pick<Job, 'log' | 'signal'>,
  limit: number = cacheLimits.run,
): CacheBudget => {
  const over = new AbortController()
  const ends = AbortSignal.any([signal, over.signal])
  const told = new Set<string>()
  let left = limit
  let working = 0

  /** Concurrent cache work counts once. */
  const counted = async <T>(deadline: number, work: () => Promise<T>): Promise<T> => {
    if (working++ > 0) return work().finally(() => working--)
    const start = performance.now()
    const timer = setTimeout(() => over.abort(), Math.min(left, deadline))
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      left = Math.max(0, left - (performance.now() - start))
      working--
    }
  }

  return {
    within: async (failed, deadline = limit, work) => {
      if (over.signal.aborted) return undefined
      const isFirst = deadline < left
      try {
        return await counted(deadline, () => work(ends))
      } catch (error) {
        signal.throwIfAborted()
        const late = isFirst
          ? `it has not answered within ${deadline / 1000} s`
          : `the ${limit / 1000} s that a run has for it are over`
        const reason = over.signal.aborted ? late : messages(error).join(': ').slice(0, longest)
        const notice = `${failed}: ${reason}. The run goes on without it.`
        // A run that asks by several keys may meet the same entry twice.
        if (!told.has(notice)) log.notice(notice)
        told.add(notice)
        return undefined
      }
    },
  }
}
