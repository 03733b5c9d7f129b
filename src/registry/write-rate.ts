import type { Clock } from '../lib/clock.ts'

/** Waits for the turn of one more write. */
export type WriteTurn = (signal: AbortSignal) => Promise<void>

/**
 * GHCR allows 2,000 writes a minute to all jobs of an account together; with the burst, this is up to 1,100 of one run.
 */
const writesPerMinute = 900
const burst = 200

/** Spreads the writes of a run, by a token bucket that all its requests share. */
export const writeRate = ({ now, sleep }: Pick<Clock, 'now' | 'sleep'>): WriteTurn => {
  const gap = 60_000 / writesPerMinute
  /** When the bucket would be full again; every write moves it on by a gap. */
  let full = now()
  return async (signal) => {
    full = Math.max(full, now()) + gap
    const wait = full - now() - burst * gap
    if (wait > 0) await sleep(wait, signal)
  }
}
