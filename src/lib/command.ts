import { AsyncLocalStorage } from 'node:async_hooks'
import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { exec } from '@actions/exec'
import { endsOfLines } from './ends-of-lines.ts'
import { UserError } from './error.ts'
import { findProgram } from './find-program.ts'
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
  const { environment, signal, input, inputUntil, endAll = false, onLine = () => {} } = options
  const { outputLimit: limit = outputLimit } = options
  signal.throwIfAborted()
  let child: ChildProcess | undefined
  /** Why it did not start. */
  let fault: NodeJS.ErrnoException | undefined
  const endInput = (): unknown => child?.stdin?.end(input)
  // Nix ends its builders when it is told to end; whoever is waiting for this program waits until it has.
  const tell = (signal: NodeJS.Signals): void => {
    if (!endAll || child?.pid === undefined) child?.kill(signal)
    else
      try {
        // Those that it started may outlive it; for as long as one does, no other process gets this number.
        process.kill(-child.pid, signal)
      } catch {
        // All have ended, or are another user's by now: there is nobody left to tell.
      }
  }
  /** What it started may outlive it and hold on to its output. */
  const kill = (): void => {
    tell('SIGKILL')
    child?.stdout?.destroy()
    child?.stderr?.destroy()
  }
  let timer: NodeJS.Timeout | undefined
  const end = (): void => {
    tell('SIGTERM')
    clearTimeout(timer)
    timer = setTimeout(kill, patience)
  }
  const onProcess = (started: ChildProcess): void => {
    child = started
    child.on('error', (error) => {
      fault ??= error
    })
    child.once('spawn', () => {
      // A program may end without having read all its input; its exit code then says what happened.
      child?.stdin?.on('error', () => {})
      if (inputUntil && !inputUntil.aborted) inputUntil.addEventListener('abort', endInput)
      else endInput()
      if (signal.aborted) end()
    })
  }
  signal.addEventListener('abort', end)
  const stderr = endsOfLines()
  const lines = readLines((line) => {
    stderr.push(line)
    onLine(line)
  })
  const stdout: Uint8Array[] = []
  let size = 0
  const tooMuch = (): CommandError =>
    new CommandError(program, `more than ${limit / 1e6} MB of output`, stderr.text(), textOf(stdout))
  const collect = (chunk: Uint8Array): void => {
    size += chunk.length
    if (size <= limit) stdout.push(chunk)
    else if (size - chunk.length <= limit) end()
  }
  let exitCode: number | null
  try {
    const path = (program.includes('/') ? undefined : await findProgram(program, environment)) ?? program
    signal.throwIfAborted()
    exitCode = await run({ path, args, options, onProcess, onStdout: collect, onStderr: lines.push }).catch((error) => {
      throw fault ?? error
    })
    lines.end()
  } catch (cause) {
    signal.throwIfAborted()
    if (size > limit) throw tooMuch()
    if (fault?.code !== 'ENOENT') throw cause
    throw new UserError(`${program} cannot be started: it is not on the PATH.`, { cause })
  } finally {
    clearTimeout(timer)
    if (timer && endAll) tell('SIGKILL')
    signal.removeEventListener('abort', end)
    inputUntil?.removeEventListener('abort', endInput)
  }
  signal.throwIfAborted()
  if (size > limit) throw tooMuch()
  if (exitCode !== 0)
    throw new CommandError(program, exitCode ?? child?.signalCode ?? null, stderr.text(), textOf(stdout))
  return textOf(stdout)
}

const textOf = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString()

/** `onProcess` is told of the process before it runs; the others of each chunk of output, which they may keep. */
type Start = {
  readonly path: string
  readonly args: readonly string[]
  readonly options: CommandOptions
  readonly onProcess: (child: ChildProcess) => void
  readonly onStdout: (chunk: Uint8Array) => void
  readonly onStderr: (chunk: Uint8Array) => void
}

const run = async (start: Start): Promise<number | null> => {
  if (!fitsExec(start)) return startBySpawn(start)
  let isStarted = false
  const onProcess = (child: ChildProcess): void => {
    // What a listener starts is none of this command's.
    if (isStarted) return
    isStarted = true
    emitFault(child)
    start.onProcess(child)
  }
  return startByExec({ ...start, onProcess }).catch((error) => {
    if (isStarted) throw error
    // `exec` starts only what it takes for a program, and says of the rest less than the system does.
    return startBySpawn(start)
  })
}

/** `exec` has no file as standard input and makes no process group, and reads a path as words. */
const fitsExec = ({ path, args, options: { environment, stdin, endAll } }: Start): boolean =>
  stdin === undefined &&
  !endAll &&
  isAbsolute(path) &&
  !/["\\]|\s$/.test(path) &&
  // `spawn` throws for these, which nobody catches in `exec`.
  ![path, ...args, ...Object.entries(environment).flat()].some((word) => word.includes('\0'))

/**
 * What the system says as it starts a program is thrown for some faults (no memory, too long a command), which nobody
 * catches in `exec`: it never answers, and the rejection ends all of this process. So it is an event for these too.
 */
const emitFault = (child: ChildProcess): void => {
  const own = child as ChildProcess & { spawn: (options: unknown) => unknown }
  const start = own.spawn
  own.spawn = (options) => {
    try {
      return start.call(child, options)
    } catch (error) {
      process.nextTick(() => child.emit('error', error))
      return undefined
    }
  }
}

/** `exec` does not show the process that it starts. Source: node:diagnostics_channel, "Built-in Channels". */
const starting = new AsyncLocalStorage<Start['onProcess']>()
subscribe('child_process', (message) => starting.getStore()?.((message as { process: ChildProcess }).process))

const startByExec = ({ path, args, options, onProcess, onStdout, onStderr }: Start): Promise<number | null> =>
  starting.run(onProcess, () =>
    exec(`"${path}"`, [...args], {
      // Standard input is a socket, so that `bash -c` takes it for rsh's and reads ~/.bashrc, but not below a shell.
      env: { SHLVL: '1', ...options.environment },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      silent: true,
      ignoreReturnCode: true,
      // The output is whole when it ends, not ten seconds after the program has.
      delay: 2 ** 31 - 1,
      listeners: { stdout: lineByLine(onStdout), stderr: lineByLine(onStderr) },
    }),
  )

const newline = 10

/**
 * `exec` keeps what comes after its listeners until a line ends, and searches all of it again with each chunk: one line
 * of 60 MB takes 14 s and a gigabyte. So each chunk ends a line there.
 */
const lineByLine =
  (listener: (chunk: Uint8Array) => void) =>
  (chunk: Buffer): void => {
    listener(new Uint8Array(chunk))
    chunk[chunk.length - 1] = newline
  }

const startBySpawn = async ({ path, args, options, onProcess, ...listeners }: Start): Promise<number | null> => {
  const { environment, cwd, stdin, input, inputUntil, endAll = false } = options
  await using file = stdin === undefined ? undefined : await open(stdin)
  options.signal.throwIfAborted()
  const child = spawn(path, args, {
    env: environment,
    cwd,
    stdio: [file?.fd ?? (input === undefined && !inputUntil ? 'ignore' : 'pipe'), 'pipe', 'pipe'],
    detached: endAll,
  })
  onProcess(child)
  child.stdout?.on('data', listeners.onStdout)
  child.stderr?.on('data', listeners.onStderr)
  const [exitCode] = await once(child, 'close')
  return exitCode
}
