import { setTimeout } from 'node:timers/promises'

/** Time and chance as a client of a server has them; tests bring their own. Times are in milliseconds. */
export type Clock = {
  /** For how long nothing may move on a connection, in either direction, before it counts as broken. */
  readonly idleLimit: number
  /** The time since some moment. */
  readonly now: () => number
  /** What the runner takes for the time of day, since the epoch. It decides how long to wait, and nothing else. */
  readonly wallClock: () => number
  readonly sleep: (time: number, signal: AbortSignal) => Promise<void>
  /** From 0 up to 1. Jobs that were turned away together must not all come back together. */
  readonly random: () => number
}

export const systemClock: Clock = {
  idleLimit: 60_000,
  now: () => performance.now(),
  wallClock: () => Date.now(),
  sleep: (time, signal) => setTimeout(time, undefined, { signal }),
  random: () => Math.random(),
}
