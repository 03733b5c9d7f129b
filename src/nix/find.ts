import { CommandError, command } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import { explainNix } from './explain.ts'
import { type InstalledNix, type InstallJob, installNix } from './install.ts'
import { nixRelease, type ReleaseReference } from './release.ts'
import type { SandboxMode } from './sandbox.ts'

/** When to install Nix, as the input `install-nix` says. */
export type InstallMode = 'auto' | 'always' | 'never'

/** The values of `install-nix` and the inputs around it. `releases` is the URL of the server that has the releases. */
export type FindRequest = {
  readonly install: InstallMode
  readonly sandbox: SandboxMode
  readonly release: ReleaseReference
  readonly system: string
  readonly releases: string
}

/**
 * Returns the Nix that it has installed, if any. A Nix on the PATH is used as it is, except with `always`, which asks
 * for one that later steps have as well. Throws a `UserError` if there is no Nix and none may be installed.
 */
export const findNix = async (
  { install, sandbox, release, system, releases }: FindRequest,
  job: InstallJob,
): Promise<InstalledNix | undefined> => {
  if (install !== 'always' && (await isOnPath(job))) {
    if (release.version || release.url)
      job.log.notice(
        'The Nix on the PATH is used, and not the one that `nix-version` or `nix-url` names; with `install-nix: always` it would be installed.',
      )
    return undefined
  }
  if (install === 'never')
    throw new UserError(
      'Nix is not on the PATH, and `install-nix` is `never`; write `auto`, or install Nix in a step before this one.',
    )
  const installed = await installNix(nixRelease(release, system, releases), job)
  const who = [...(sandbox === 'off' ? ['this step'] : []), ...(install === 'always' ? ['later steps'] : [])]
  if (!installed.sandbox && who.length > 0)
    job.log.notice(
      `This runner does not let Nix build in a sandbox by itself, so that what ${who.join(' and ')} build may see files and the network of the runner. What is fetched from a substituter is not affected.`,
    )
  return installed
}

const isOnPath = async ({ environment, signal }: InstallJob): Promise<boolean> => {
  try {
    await command('nix-store', ['--version'], { environment, signal })
    return true
  } catch (cause) {
    if (cause instanceof CommandError) throw explainNix(cause, 'The Nix on the PATH does not start')
    if (cause instanceof UserError) return false
    throw cause
  }
}
