import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { endsOfLines } from './ends-of-lines.ts'
import { UserError } from './error.ts'
import { readLines } from './read-lines.ts'

/**
 * A program that ended with an error; `stderr` is what it said, the start and the end of much, and `stdout` what it had
 * written until then.
 */
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
  /** In bytes; a program that writes more to standard output is ended. By default it is what one text may hold. */
  readonly outputLimit?: number
  /** Told each line of standard error as it comes, or the start of a long one. */
  readonly onLine?: (line: string) => void
}

const outputLimit = 500_000_000

/** How long a program may take to end when it is told to, in milliseconds. */
const patience = 1000

/**
 * Runs a program with an argument vector, never through a shell, and returns its standard output. Throws a
 * `CommandError` if it fails, and a `UserError` if it is not there.
 */
export const command = async (program: string, args: readonly string[], options: CommandOptions): Promise<string> => {
  const { environment, signal, cwd, stdin, input, inputUntil, endAll = false, onLine = () => {} } = options
  const { outputLimit: limit = outputLimit } = options
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
  signal.addEventListener('abort', end)
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const stderr = endsOfLines()
  const stdout: Uint8Array[] = []
  let size = 0
  const tooMuch = (): CommandError =>
    new CommandError(program, `more than ${limit / 1e6} MB of output`, stderr.text(), textOf(stdout))
  const collect = async (): Promise<void> => {
    for await (const chunk of streamOf(child, 'stdout')) {
      size += chunk.length
      if (size <= limit) stdout.push(chunk)
      else if (size - chunk.length <= limit) end()
    }
  }
  const [[exitCode, killedBy]] = await Promise.all([
    ended,
    collect(),
    readLines(streamOf(child, 'stderr'), (line) => {
      stderr.push(line)
      onLine(line)
    }),
  ])
    .catch((cause) => {
      signal.throwIfAborted()
      if (size > limit) throw tooMuch()
      if (cause.code !== 'ENOENT') throw cause
      throw new UserError(`${program} cannot be started: it is not on the PATH.`, { cause })
    })
    .finally(() => {
      signal.removeEventListener('abort', end)
      inputUntil?.removeEventListener('abort', endInput)
    })
  signal.throwIfAborted()
  if (size > limit) throw tooMuch()
  if (exitCode !== 0) throw new CommandError(program, exitCode ?? killedBy, stderr.text(), textOf(stdout))
  return textOf(stdout)
}

const textOf = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString()

const streamOf = (child: ChildProcess, name: 'stdout' | 'stderr'): NonNullable<ChildProcess['stdout']> => {
  const stream = child[name]
  if (!stream) throw new Error(`the child process has no ${name}`)
  return stream
}
