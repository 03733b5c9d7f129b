import { messages } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { cacheLimits } from './cache-limits.ts'

/** The time that a run has for all that it does with the Actions cache. It goes by while somebody is at it. */
export type CacheBudget = {
  /**
   * Does the work, which is to end with `over`. Trouble, and that the time is over, is told as a notice that starts
   * with `failed`; `undefined` then, and at once where the time was over before. It is also over when this work takes
   * longer than `deadline`, in milliseconds: whoever is that late with something small is not waited for again.
   */
  readonly within: <T>(
    failed: string,
    deadline: number | undefined,
    work: (over: AbortSignal) => Promise<T>,
  ) => Promise<T | undefined>
}

/** Whoever has written what an error quotes may have written much. */
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

  /** What is in other work of the same cache does not count twice. */
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
        // Who asks for an entry by several keys may meet the same one twice.
        if (!told.has(notice)) log.notice(notice)
        told.add(notice)
        return undefined
      }
    },
  }
}
