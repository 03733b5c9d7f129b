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
 * A program that failed. `stderr` is its standard error, of which only the start and the end are kept if it is long,
 * and `stdout` is its output until then.
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
  /** The whole environment of the program. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends the program if the run ends first. */
  readonly signal: AbortSignal
  /** The folder to start it in; by default that of this process, which is the workspace. */
  readonly cwd?: string
  /** A file to read standard input from. Without this and without `input`, standard input is empty. */
  readonly stdin?: string
  /** What to write to standard input. */
  readonly input?: string
  /** Keeps standard input open until this is aborted. */
  readonly inputUntil?: AbortSignal
  /** Signals the whole process group, for programs that do not stop their children. */
  readonly endAll?: boolean
  /** In bytes; a program that writes more to standard output is ended. The default fits into one string of Node.js. */
  readonly outputLimit?: number
  /** Called with each line of standard error as it arrives, or with the start of a long line. */
  readonly onLine?: (line: string) => void
}

const outputLimit = 500_000_000

/** How long a program may take to end after SIGTERM, in milliseconds. */
const patience = 1000

/**
 * Runs a program with an argument vector, never through a shell, and returns its standard output. Throws a
 * `CommandError` if it fails, a `UserError` if it is not found, and the signal's reason if that ends it.
 */
export const command = async (program: string, args: readonly string[], options: CommandOptions): Promise<string> => {
  const { environment, signal, input, inputUntil, endAll = false, onLine = () => {} } = options
  const { outputLimit: limit = outputLimit } = options
  signal.throwIfAborted()
  let child: ChildProcess | undefined
  /** The reason if the program did not start. */
  let fault: NodeJS.ErrnoException | undefined
  const endInput = (): unknown => child?.stdin?.end(input)
  // On SIGTERM, Nix first ends its builders. The caller waits until that is done.
  const tell = (signal: NodeJS.Signals): void => {
    if (!endAll || child?.pid === undefined) child?.kill(signal)
    else
      try {
        // Child processes may outlive the program. While one of them runs, no other process gets this number.
        process.kill(-child.pid, signal)
      } catch {
        // All processes have ended or belong to another user by now, so none is left to signal.
      }
  }
  /** Child processes may outlive the program and keep its output open. */
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
      // A program may end without reading all its input. Its exit code then says what happened.
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

/**
 * `onProcess` is called with the process before it runs. The other two are called with each chunk of output, which they
 * may keep.
 */
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
    // A process that a listener starts does not belong to this command.
    if (isStarted) return
    isStarted = true
    emitFault(child)
    start.onProcess(child)
  }
  return startByExec({ ...start, onProcess }).catch((error) => {
    if (isStarted) throw error
    // `exec` starts only files that it takes for programs. For the others, its error says less than the system's.
    return startBySpawn(start)
  })
}

/** `exec` cannot take a file as standard input, makes no process group, and splits a path into words. */
const fitsExec = ({ path, args, options: { environment, stdin, endAll } }: Start): boolean =>
  stdin === undefined &&
  !endAll &&
  isAbsolute(path) &&
  !/["\\]|\s$/.test(path) &&
  // `spawn` throws for a NUL byte, and `exec` does not catch that.
  ![path, ...args, ...Object.entries(environment).flat()].some((word) => word.includes('\0'))

/**
 * For some faults (no memory, too long a command) `spawn` throws instead of emitting an event. `exec` does not catch
 * that: it never settles, and the unhandled rejection ends this whole process. So these faults become events too.
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

/** `exec` does not give access to the process that it starts. Source: node:diagnostics_channel, "Built-in Channels". */
const starting = new AsyncLocalStorage<Start['onProcess']>()
subscribe('child_process', (message) => starting.getStore()?.((message as { process: ChildProcess }).process))

const startByExec = ({ path, args, options, onProcess, onStdout, onStderr }: Start): Promise<number | null> =>
  starting.run(onProcess, () =>
    exec(`"${path}"`, [...args], {
      // Standard input is a socket, so `bash -c` believes that rshd has started it and reads ~/.bashrc, unless SHLVL
      // says that it runs below a shell.
      env: { SHLVL: '1', ...options.environment },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      silent: true,
      ignoreReturnCode: true,
      // `exec` shall wait until the output ends. By default it stops ten seconds after the program has ended.
      delay: 2 ** 31 - 1,
      listeners: { stdout: lineByLine(onStdout), stderr: lineByLine(onStderr) },
    }),
  )

const newline = 10

/**
 * After its listeners, `exec` buffers the output until a line ends, and searches the whole buffer again with each
 * chunk: one line of 60 MB takes 14 s and a gigabyte. So each chunk is made to end with a line break for that buffer.
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
