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
  /** What it reads, a file or a text; nothing, where it is not given. */
  readonly stdin?: string | { readonly text: string }
  /** Told each line of standard error as it comes. */
  readonly onLine?: (line: string) => void
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
  { environment, signal, stdin, onLine = () => {} }: CommandOptions,
): Promise<string> => {
  await using input = typeof stdin === 'string' ? await open(stdin) : undefined
  signal.throwIfAborted()
  const reads = input?.fd ?? (stdin === undefined ? 'ignore' : 'pipe')
  const child = spawn(program, args, { env: environment, stdio: [reads, 'pipe', 'pipe'] })
  // A program may end without having read what it was given.
  if (typeof stdin === 'object') child.stdin?.on('error', () => {}).end(stdin.text)
  // Nix ends its builders when it is told to end; whoever is waiting for this program waits until it has.
  const end = (): void => {
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), patience).unref()
  }
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
  ]).catch((cause) => {
    if (cause.code !== 'ENOENT') throw cause
    throw new UserError(`${program} cannot be started: it is not on the PATH.`, { cause })
  })
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  if (exitCode !== 0) throw new CommandError(program, exitCode ?? killedBy, stderr.join('\n'), stdout)
  return stdout
}

const stdoutOf = ({ stdout }: ChildProcess): NonNullable<ChildProcess['stdout']> => {
  if (!stdout) throw new Error('the child process has no standard output')
  return stdout
}

const readLines = async ({ stderr }: ChildProcess, onLine: (line: string) => void): Promise<void> => {
  if (stderr) for await (const line of createInterface({ input: stderr })) onLine(line)
}
