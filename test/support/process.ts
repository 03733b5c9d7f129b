import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { constants as system } from 'node:os'
import { delimiter, join } from 'node:path'

/**
 * The result of a program: its output (UTF-8) and its exit code, which is 128 plus the signal's number if a signal
 * ended it.
 */
export type Finished = { readonly stdout: string; readonly stderr: string; readonly exitCode: number }

/** `env` is the whole environment (default: this process's); `input` is the standard input (default: empty). */
export type RunOptions = { readonly env?: NodeJS.ProcessEnv; readonly input?: string; readonly cwd?: string }

/** Runs a program with these arguments, without a shell. Rejects only if it cannot be started. */
export const run = (program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: options.env ?? process.env, cwd: options.cwd, stdio: 'pipe' })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const exitCode = code ?? 128 + system.signals[signal ?? 'SIGKILL']
      resolve({ stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString(), exitCode })
    })
    // A program may end before it has read all its input; its exit code then says what happened.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input)
  })

/**
 * The standard output of a program that must succeed. Throws an `Error` with the program's own complaint if it fails.
 */
export const output = async (program: string, args: readonly string[], options: RunOptions = {}): Promise<string> => {
  const { stdout, stderr, exitCode } = await run(program, args, options)
  if (exitCode !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${exitCode}: ${stderr || stdout}`)
  return stdout
}

/**
 * The folders in which programs are searched. Debian keeps `runc` and `dockerd` in folders that are not on every user's
 * `PATH`.
 */
export const searchPath = [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin']
  .filter((folder) => folder)
  .join(delimiter)

/** The absolute path of a program. Throws an `Error` that names the Debian package if the program is missing. */
export const need = (program: string, debianPackage: string): string => {
  const found = searchPath
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable)
  if (found) return found
  throw new Error(`The tests need ${program}, which is not installed: run \`apt-get install ${debianPackage}\`.`)
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
