/** The stages of a run, in the order in which they are shown. */
const stages = ['install', 'source', 'nix', 'layers', 'archive', 'push', 'cache'] as const

export type Stage = (typeof stages)[number]

/** Seconds, rounded to milliseconds; a stage that did not run is absent. */
export type Timings = { [stage in Stage]?: number }

/** Does the work and adds its time to the stage's. */
export const timed = async <T>(timings: Timings, stage: Stage, work: () => Promise<T>): Promise<T> => {
  const start = performance.now()
  try {
    return await work()
  } finally {
    addTime(timings, stage, performance.now() - start)
  }
}

/** Adds milliseconds to a stage, for stages that overlap. */
export const addTime = (timings: Timings, stage: Stage, time: number): void => {
  timings[stage] = Math.round((timings[stage] ?? 0) * 1000 + time) / 1000
}

export const inOrder = (timings: Timings): Timings =>
  Object.fromEntries(stages.flatMap((stage) => (timings[stage] === undefined ? [] : [[stage, timings[stage]]])))
