import type { Clock } from '../lib/clock.ts'

/** Waits until the run may send one more write. */
export type WriteTurn = (signal: AbortSignal) => Promise<void>

/**
 * GHCR allows 2,000 writes a minute for all jobs of an account together. With the burst, one run sends up to 1,100 a
 * minute.
 */
const writesPerMinute = 900
const burst = 200

/** Limits the rate of a run's writes with a token bucket that all its requests share. */
export const writeRate = ({ now, sleep }: Pick<Clock, 'now' | 'sleep'>): WriteTurn => {
  const gap = 60_000 / writesPerMinute
  /** The time at which the bucket would be full again. Each write moves it by one gap. */
  let full = now()
  return async (signal) => {
    full = Math.max(full, now()) + gap
    const wait = full - now() - burst * gap
    if (wait > 0) await sleep(wait, signal)
  }
}
