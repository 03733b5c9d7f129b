import { setTimeout } from 'node:timers/promises'

/** The time and the random numbers of a client of a server; tests use their own. Times are in milliseconds. */
export type Clock = {
  /** A connection counts as broken after this time without data in either direction. */
  readonly idleLimit: number
  /** The time since an arbitrary moment. It never goes back. */
  readonly now: () => number
  /** The runner's time of day, since the epoch. It decides how long to wait, and what a log says; no image has it. */
  readonly wallClock: () => number
  readonly sleep: (time: number, signal: AbortSignal) => Promise<void>
  /** From 0 up to 1. Jobs that a server refused together must not all come back together. */
  readonly random: () => number
}

export const systemClock: Clock = {
  idleLimit: 60_000,
  now: () => performance.now(),
  wallClock: () => Date.now(),
  sleep: (time, signal) => setTimeout(time, undefined, { signal }),
  random: () => Math.random(),
}
