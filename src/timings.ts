/** The stages of a run, in their order. */
export type Stage = 'install' | 'source' | 'nix' | 'layers' | 'archive' | 'push' | 'cache'

/** Seconds, rounded to milliseconds; a stage that did not run is absent. */
export type Timings = { [stage in Stage]?: number }

/** Does the work and adds its time to the stage's. */
export const timed = async <T>(timings: Timings, stage: Stage, work: () => Promise<T>): Promise<T> => {
  const start = performance.now()
  try {
    return await work()
  } finally {
    timings[stage] = Math.round((timings[stage] ?? 0) * 1000 + performance.now() - start) / 1000
  }
}
