import { writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { getExecOutput } from '@actions/exec'
import { UserError } from '../error.ts'
import type { Log } from '../log.ts'

/** Runs one of Nix's programs with an argument vector and returns its standard output. Throws `NixError` if it fails. */
export type Nix = (program: 'nix-instantiate' | 'nix-store', args: readonly string[]) => Promise<string>

/** A Nix program that ended with an error; `stderr` is all that it said. */
export class NixError extends Error {
  override name = 'NixError'
  readonly stderr: string

  constructor(program: string, exitCode: number, stderr: string) {
    super(`${program} ended with exit code ${exitCode}`)
    this.stderr = stderr
  }
}

export type NixOptions = {
  /** All that Nix gets to see of the environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Lines for nix.conf, which win over the machine's and the user's. */
  readonly config: string
  /** A folder that only this run can read. */
  readonly temporary: string
  readonly log: Log
}

/**
 * Nix as it is on the PATH. The configuration goes into a file that only this user can read: it may hold an access token,
 * and what is in the environment is seen by everything that Nix starts.
 */
export const nixOnPath = async ({ environment, config, temporary, log }: NixOptions): Promise<Nix> => {
  const file = join(temporary, 'nix.conf')
  await writeFile(file, `${config}\n`, { mode: 0o600 })
  const env = { ...environment, NIX_USER_CONF_FILES: [file, userConfigFiles(environment)].join(':') }

  return async (program, args) => {
    log.debug(`${program} ${args.join(' ')}`)
    const { exitCode, stdout, stderr } = await getExecOutput(program, [...args], {
      env,
      silent: true,
      ignoreReturnCode: true,
      listeners: { errline: (line) => (isNews(line) ? log.info(line) : log.debug(line)) },
    }).catch((cause) => {
      throw new UserError(
        `${program} cannot be started: Nix is not on the PATH; install it in a step before this one, for example with cachix/install-nix-action.`,
        { cause },
      )
    })
    if (exitCode !== 0) throw new NixError(program, exitCode, stderr)
    return stdout
  }
}

/** What Nix would read if it were not told to read another file. Source: the Nix manual, "nix.conf". */
const userConfigFiles = (environment: Readonly<Record<string, string>>): string => {
  const { NIX_USER_CONF_FILES, XDG_CONFIG_HOME, XDG_CONFIG_DIRS, HOME } = environment
  if (NIX_USER_CONF_FILES) return NIX_USER_CONF_FILES
  const home = XDG_CONFIG_HOME || join(HOME ?? homedir(), '.config')
  return [home, ...(XDG_CONFIG_DIRS || '/etc/xdg').split(':')]
    .map((folder) => join(folder, 'nix', 'nix.conf'))
    .join(':')
}

/** Lines that say what Nix is about to do. The rest, a line for each path that is copied, is for those who debug. */
const isNews = (line: string): boolean =>
  /^(building '|warning: |trace: |(this|these) .*(will be built|will be fetched))/.test(line) &&
  !line.includes('--add-root')
