import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { UserError } from './error.ts'
import type { Log } from './log.ts'
import type { Timings } from './timings.ts'

/** The things that any stage of a run may need. */
export type Job = {
  readonly log: Log
  /** Masks a value in the log from then on. */
  readonly secret: (value: string) => void
  /** Ends the run and all that it started. */
  readonly signal: AbortSignal
  /** The whole environment of a child process. It holds no secret. */
  readonly environment: Readonly<Record<string, string>>
  /** A folder that only this run can read. It is removed when the run ends. */
  readonly temporary: string
  /** Each stage adds its own time. */
  readonly timings: Timings
}

/** The parts of a new job. Its temporary folder is made in `parent`, the runner's folder, which other steps share. */
export type JobRequest = Omit<Job, 'temporary' | 'timings'> & { readonly parent: string }

/**
 * Calls `work` with a job that has a temporary folder of its own, and removes the folder afterwards. If the run is
 * cancelled, it rejects after a moment, even if the work cannot be interrupted. Throws a `UserError` if `parent` cannot
 * be written to.
 */
export const withJob = async <T>({ parent, ...rest }: JobRequest, work: (job: Job) => Promise<T>): Promise<T> => {
  const temporary = await makeFolder(parent)
  const working = work({ ...rest, temporary, timings: {} })
  try {
    return await Promise.race([working, cancelled(rest.signal)])
  } finally {
    // Interrupted work has a moment to clean up.
    await Promise.race([working.catch(() => {}), setTimeout(cleanUpLimit, undefined, { ref: false })])
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 })
  }
}

const makeFolder = (parent: string): Promise<string> =>
  mkdir(parent, { recursive: true })
    .then(() => mkdtemp(join(parent, 'nix-image-')))
    .catch((cause) => {
      throw new UserError(
        `RUNNER_TEMP is ${parent}, which cannot be written to (${cause.code}); name a folder of this user.`,
        { cause },
      )
    })

/** In milliseconds. The runner kills a step some seconds after it has signalled the step to end. */
const cleanUpLimit = 1_500

const cancelled = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
