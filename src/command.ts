import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { UserError } from './error.ts'

/** A program that ended with an error; `stderr` is all that it said, and `stdout` what it had written until then. */
export class CommandError extends Error {
  override name = 'CommandError'
  readonly stderr: string
  readonly stdout: string

  constructor(program: string, outcome: number | string | null, stderr: string, stdout = '') {
    super(`${program} ended with ${typeof outcome === 'number' ? `exit code ${outcome}` : outcome}`)
    this.stderr = stderr
    this.stdout = stdout
  }
}

export type CommandOptions = {
  /** All that the program gets to see of the environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends the program when the run ends before it. */
  readonly signal: AbortSignal
  /** The folder to start it in; by default that of this process, which is the workspace. */
  readonly cwd?: string
  /** A file to read standard input from; nothing, where neither it nor `input` is given. */
  readonly stdin?: string
  /** What to write to standard input. */
  readonly input?: string
  /** Keeps standard input open until this is aborted. */
  readonly inputUntil?: AbortSignal
  /** Where the program does not end what it started when it is told to end: it and all of these are told. */
  readonly endAll?: boolean
  /** Told each line of standard error as it comes. */
  readonly onLine?: (line: string) => void
  /** The program is ended if it writes more than so many bytes. */
  readonly longestOutput?: number
}

/** How long a program may take to end when it is told to, in milliseconds. */
const patience = 1000

/**
 * Runs a program with an argument vector, never through a shell, and returns its standard output. Throws a `CommandError`
 * if it fails, and a `UserError` if it is not there.
 */
export const command = async (
  program: string,
  args: readonly string[],
  {
    environment,
    signal,
    cwd,
    stdin,
    input,
    inputUntil,
    endAll = false,
    onLine = () => {},
    longestOutput = Number.POSITIVE_INFINITY,
  }: CommandOptions,
): Promise<string> => {
  await using file = stdin === undefined ? undefined : await open(stdin)
  signal.throwIfAborted()
  const child = spawn(program, args, {
    env: environment,
    cwd,
    stdio: [file?.fd ?? (input === undefined && !inputUntil ? 'ignore' : 'pipe'), 'pipe', 'pipe'],
    detached: endAll,
  })
  // A program may end without having read all its input; its exit code then says what happened.
  child.stdin?.on('error', () => {})
  const endInput = (): unknown => child.stdin?.end(input)
  if (inputUntil && !inputUntil.aborted) inputUntil.addEventListener('abort', endInput)
  else endInput()
  // Nix ends its builders when it is told to end; whoever is waiting for this program waits until it has.
  const tell = (signal: NodeJS.Signals): void => {
    if (!endAll || child.pid === undefined) child.kill(signal)
    else if (child.exitCode === null && child.signalCode === null)
      try {
        process.kill(-child.pid, signal)
      } catch {
        // It has ended meanwhile, or is another user's by now: there is nobody left to tell.
      }
  }
  /** What it started may outlive it and hold on to its output. */
  const kill = (): void => {
    tell('SIGKILL')
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
  const end = (): void => {
    tell('SIGTERM')
    setTimeout(kill, patience).unref()
  }
  let written = 0
  const count = ({ length }: Buffer): void => {
    written += length
    if (written > longestOutput) kill()
  }
  child.stdout?.on('data', count)
  child.stderr?.on('data', count)
  signal.addEventListener('abort', end)
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const stderr: string[] = []
  const [stdout, [exitCode, killedBy]] = await Promise.all([
    text(stdoutOf(child)),
    ended,
    readLines(child, (line) => {
      stderr.push(line)
      onLine(line)
    }),
  ])
    .catch((cause) => {
      signal.throwIfAborted()
      if (written > longestOutput) throw new Error(`${program} writes more than ${longestOutput} bytes`)
      if (cause.code !== 'ENOENT') throw cause
      throw new UserError(`${program} cannot be started: it is not on the PATH.`, { cause })
    })
    .finally(() => {
      signal.removeEventListener('abort', end)
      inputUntil?.removeEventListener('abort', endInput)
    })
  signal.throwIfAborted()
  if (written > longestOutput) throw new Error(`${program} writes more than ${longestOutput} bytes`)
  if (exitCode !== 0) throw new CommandError(program, exitCode ?? killedBy, stderr.join('\n'), stdout)
  return stdout
}

const stdoutOf = ({ stdout }: ChildProcess): NonNullable<ChildProcess['stdout']> => {
  if (!stdout) throw new Error('the child process has no standard output')
  return stdout
}

const readLines = async ({ stderr }: ChildProcess, onLine: (line: string) => void): Promise<void> => {
  if (!stderr) return
  const lines = createInterface({ input: stderr })
  // Of what is closed before its end, nobody tells it.
  stderr.once('close', () => lines.close())
  for await (const line of lines) onLine(line)
}
