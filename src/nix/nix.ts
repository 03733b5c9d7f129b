import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { CommandError, command } from '../lib/command.ts'
import type { Job } from '../lib/job.ts'
import { shortened } from '../lib/shortened.ts'
import { complaint } from './error-output.ts'
import { guardPrograms } from './guard-programs.ts'
import { reportProgress, shownOfLine } from './progress.ts'

/**
 * Runs one of Nix's programs and returns its standard output. `stdin` is the path of a file. `onLine` is called with
 * each line of standard error. Throws a `CommandError` if the program fails, and the signal's reason if that ends it.
 */
export type Nix = (
  program: 'nix' | 'nix-instantiate' | 'nix-store',
  args: readonly string[],
  options?: {
    readonly stdin?: string
    readonly signal?: AbortSignal
    readonly onLine?: (line: string) => void
    /** A folder for Nix's cache of downloads, instead of the user's. */
    readonly cache?: string
    /** Keeps Nix's output out of the log, except for debug logging. This is for commands that may well fail. */
    readonly quiet?: boolean
    /** The limit of standard output, in bytes. */
    readonly outputLimit?: number
  },
) => Promise<string>

/** Nix with settings. `configFiles` are the files with these settings, written as in `NIX_USER_CONF_FILES`. */
export type ConfiguredNix = {
  readonly configFiles: string
  /** The Nix on an environment's PATH. It sees only that environment and the settings. */
  readonly inEnvironment: (environment: Readonly<Record<string, string>>) => Nix
}

/** How many paths to pass to one process. Their length is well below what Linux allows for its arguments. */
export const perProcess = 5000

/**
 * Nix with `config`, lines for nix.conf that override the machine's and the user's settings. The job's environment
 * names the files with the user's settings. The lines go into a file that only this user can read: they may hold an
 * access token, and every program that Nix starts sees the environment.
 */
export const configureNix = async (
  config: string,
  { environment, temporary, log, signal }: Pick<Job, 'environment' | 'log' | 'signal' | 'temporary'>,
): Promise<ConfiguredNix> => {
  const file = join(temporary, 'nix.conf')
  await writeFile(file, `${config}\n`, { mode: 0o600 })
  const configFiles = [file, userConfigFiles(environment)].join(delimiter)
  const programs = await guardPrograms(environment, temporary)
  return {
    configFiles,
    inEnvironment: (other) => configured(other, { configFiles, programs, log, signal }),
  }
}

const configured = (
  environment: Readonly<Record<string, string>>,
  {
    configFiles,
    programs,
    log,
    signal,
  }: Pick<Job, 'log' | 'signal'> & { readonly configFiles: string; readonly programs: string },
): Nix => {
  const withConfig = {
    ...environment,
    PATH: [programs, environment['PATH']].join(delimiter),
    NIX_USER_CONF_FILES: configFiles,
  }
  return async (program, args, options = {}) => {
    log.debug([program, ...args].join(' '))
    const given = program === 'nix' ? ['--extra-experimental-features', 'nix-command', ...args] : args
    const report = reportProgress(options.quiet ? { ...log, info: log.debug } : log)
    const signals = options.signal ? AbortSignal.any([signal, options.signal]) : signal
    try {
      return await command(program, given, {
        ...options,
        environment: options.cache === undefined ? withConfig : { ...withConfig, XDG_CACHE_HOME: options.cache },
        signal: signals,
        onLine: (line) => {
          report.line(line)
          options.onLine?.(line)
        },
      })
    } catch (error) {
      if (error instanceof CommandError && !options.quiet)
        for (const line of complaint(error.stderr)) log.info(shortened(line, shownOfLine))
      throw error
    } finally {
      report.end()
    }
  }
}

/** The files that Nix would read without ours. Source: the Nix manual, "nix.conf". */
const userConfigFiles = (environment: Readonly<Record<string, string>>): string => {
  const { NIX_USER_CONF_FILES, XDG_CONFIG_HOME, XDG_CONFIG_DIRS, HOME } = environment
  if (NIX_USER_CONF_FILES) return NIX_USER_CONF_FILES
  const home = XDG_CONFIG_HOME || join(HOME ?? '/', '.config')
  const folders = [home, ...(XDG_CONFIG_DIRS || '/etc/xdg').split(delimiter)]
  return folders.map((folder) => join(folder, 'nix', 'nix.conf')).join(delimiter)
}
