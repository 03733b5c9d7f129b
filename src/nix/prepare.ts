import type { Source } from '../inputs/source.ts'
import type { Endpoints } from './endpoints.ts'
import { explainNix } from './explain.ts'
import { type FindRequest, findNix } from './find.ts'
import { githubAccess } from './github-access.ts'
import { type InstalledNix, type InstallTools, withPath } from './install.ts'
import { configureNix, type Nix } from './nix.ts'

export type PrepareRequest = Omit<FindRequest, 'releases'> & {
  readonly source: Source
  readonly config: string
  readonly githubToken: string | undefined
  readonly endpoints: Endpoints
}

/** Nix ready to use: found or installed, and configured. `installed` is what later steps need to find it too. */
export const prepareNix = async (
  request: PrepareRequest,
  tools: InstallTools,
): Promise<{ readonly nix: Nix; readonly installed: InstalledNix | undefined }> => {
  const { source, config, githubToken, endpoints } = request
  const installed = await findNix({ ...request, releases: endpoints.releases }, tools)
  const environment = installed
    ? { ...withPath(tools.environment, installed.bin), ...installed.variables }
    : tools.environment
  const { ownGithub } = endpoints
  const isOnOwnGithub =
    // Below a path, the rest of the host may be somebody else's, and a lock file may name anything there.
    (source.type === 'lock' && URL.parse(ownGithub)?.origin === ownGithub) ||
    (source.type === 'github' && endpoints.github === ownGithub) ||
    (source.type === 'tarball' && URL.parse(source.url)?.origin === ownGithub)
  const access = isOnOwnGithub && githubToken ? await githubAccess(githubToken, ownGithub, tools) : ''
  // What the user writes comes last, and wins.
  const nix = await configureNix({ ...tools, environment, config: access + config })
  const version = await nix('nix-store', ['--version']).catch((error) => {
    throw explainNix(error, 'Nix does not start')
  })
  tools.log.info(version.trim())
  return { nix, installed }
}
