import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { need } from './process.ts'

/** A program that runs until it is stopped. `stdout` and `stderr` return everything that it has written so far. */
export type Daemon = { stdout(): string; stderr(): string; stop(): Promise<void> }

export type DaemonOptions = {
  /** A folder for its logs, which is created. */
  readonly logs: string
  /** Its whole environment. */
  readonly env: NodeJS.ProcessEnv
  /** Called again and again until it resolves to true. */
  readonly ready: (daemon: Daemon) => Promise<boolean>
}

const startSeconds = 30
const stopSeconds = 10

/**
 * Starts a program and waits until it is ready. Throws an `Error` with the end of its log if it ends early or takes
 * longer than 30 seconds. It gets SIGTERM if this process ends without having stopped it.
 */
export const startDaemon = async (
  program: string,
  args: readonly string[],
  options: DaemonOptions,
): Promise<Daemon> => {
  await mkdir(options.logs, { recursive: true })
  const stdout = join(options.logs, 'stdout')
  const stderr = join(options.logs, 'stderr')
  // Files instead of pipes: once a request is answered, everything that the program wrote before can be read.
  const files = [openSync(stdout, 'a'), openSync(stderr, 'a')] as const
  const child = spawn(need('setpriv', 'util-linux'), ['--pdeathsig', 'TERM', program, ...args], {
    env: options.env,
    stdio: ['ignore', ...files],
  })
  for (const file of files) closeSync(file)
  const ended = once(child, 'exit')
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const daemon: Daemon = {
    stdout: () => readFileSync(stdout, 'utf8'),
    stderr: () => readFileSync(stderr, 'utf8'),
    stop: async () => {
      if (hasEnded()) return
      child.kill('SIGTERM')
      const patience = setTimeout(() => child.kill('SIGKILL'), stopSeconds * 1000)
      await ended
      clearTimeout(patience)
    },
  }
  try {
    const deadline = Date.now() + startSeconds * 1000
    while (!(await options.ready(daemon))) {
      if (hasEnded() || Date.now() > deadline)
        throw new Error(`${basename(program)} did not start: ${daemon.stderr().slice(-2000)}`)
      await sleep(10)
    }
    return daemon
  } catch (error) {
    await daemon.stop()
    throw error
  }
}
