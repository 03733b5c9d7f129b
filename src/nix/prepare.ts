import type { Endpoints } from './endpoints.ts'
import { explainNix } from './explain.ts'
import { type FindRequest, findNix } from './find.ts'
import { githubAccess } from './github-access.ts'
import { type InstalledNix, type InstallTools, withPath } from './install.ts'
import { configureNix } from './nix.ts'
import type { NixAccess } from './sandbox.ts'
import type { SourceReference } from './source-reference.ts'
import { userNetrc } from './user-netrc.ts'

export type PrepareRequest = Omit<FindRequest, 'releases'> & {
  readonly source: SourceReference
  readonly config: string
  readonly githubToken: string | undefined
  readonly endpoints: Endpoints
  readonly secretFolders: readonly string[]
}

/** Nix ready to use: found or installed, and configured. `installed` is what later steps need to find it too. */
export const prepareNix = async (
  request: PrepareRequest,
  tools: InstallTools,
): Promise<NixAccess & { readonly installed: InstalledNix | undefined }> => {
  const { source, config, githubToken, endpoints, sandbox, secretFolders } = request
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
  // A package set shall not bring code that runs while it is evaluated.
  const own = sandbox === 'off' ? '' : '\nallow-unsafe-native-code-during-evaluation = false'
  const configure = (config: string) => configureNix({ ...tools, environment, config: config + own })
  const plain = await configure(config)
  const nix = plain.inEnvironment(environment)
  const version = await nix('nix-store', ['--version']).catch((error) => {
    throw explainNix(error, 'Nix does not start')
  })
  tools.log.info(version.trim())
  const rest = { environment, sandbox, secretFolders, installed }
  if (!isOnOwnGithub || !githubToken) return { nix, ...plain, ...rest }
  const netrc = await userNetrc(nix).catch((error) => {
    throw explainNix(error, 'Nix cannot read its settings')
  })
  const access = await githubAccess(githubToken, ownGithub, netrc, tools.temporary)
  const withAccess = await configure(config + access)
  return { nix: withAccess.inEnvironment(environment), ...withAccess, ...rest }
}
