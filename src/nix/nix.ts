import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { CommandError, command } from '../lib/command.ts'
import type { Job } from '../lib/job.ts'
import { shortened } from '../lib/shortened.ts'
import { guardPrograms } from './guard-programs.ts'
import { reportProgress, shownOfLine } from './progress.ts'

/**
 * Runs one of Nix's programs and returns its standard output; `stdin` is a file. Throws a `CommandError` if it fails,
 * and the signal's reason if that ends it. `onLine` is told each line of standard error.
 */
export type Nix = (
  program: 'nix' | 'nix-instantiate' | 'nix-store',
  args: readonly string[],
  options?: {
    readonly stdin?: string
    readonly signal?: AbortSignal
    readonly onLine?: (line: string) => void
    /** A folder for what Nix remembers of downloads, instead of the user's. */
    readonly cache?: string
    /** Nothing of what Nix says is for the log: it is asked for something that may well fail. */
    readonly quiet?: boolean
    /** In bytes, of standard output. */
    readonly outputLimit?: number
  },
) => Promise<string>

/** Nix with settings. `configFiles` are the files that have them, as in `NIX_USER_CONF_FILES`. */
export type ConfiguredNix = {
  readonly configFiles: string
  /** Nix as it is on an environment's PATH, where that environment is all that it gets to see. */
  readonly inEnvironment: (environment: Readonly<Record<string, string>>) => Nix
}

/** So many paths keep well below the length that Linux allows for the arguments of a process. */
export const perProcess = 5000

/**
 * Nix with `config`, lines for nix.conf, which win over the machine's and the user's settings. The job's environment
 * says which files have those. The lines go into a file that only this user can read: they may hold an access token,
 * and everything that Nix starts sees its environment.
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
        for (const line of complaint(error)) log.info(shortened(line, shownOfLine))
      throw error
    } finally {
      report.end()
    }
  }
}

/** Nix's own words about what went wrong, with the trace that leads there; the error sentence has only the gist. */
const complaint = ({ stderr }: CommandError): string[] => {
  const lines = stderr.split('\n')
  const start = lines.findIndex((line) => /^\s*error:/.test(line))
  return start < 0 ? lines.slice(-20) : lines.slice(start, start + 100)
}

/** What Nix would read if it were not told to read another file. Source: the Nix manual, "nix.conf". */
const userConfigFiles = (environment: Readonly<Record<string, string>>): string => {
  const { NIX_USER_CONF_FILES, XDG_CONFIG_HOME, XDG_CONFIG_DIRS, HOME } = environment
  if (NIX_USER_CONF_FILES) return NIX_USER_CONF_FILES
  const home = XDG_CONFIG_HOME || join(HOME ?? '/', '.config')
  const folders = [home, ...(XDG_CONFIG_DIRS || '/etc/xdg').split(delimiter)]
  return folders.map((folder) => join(folder, 'nix', 'nix.conf')).join(delimiter)
}
