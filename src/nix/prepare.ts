import { explainNix } from './explain.ts'
import { type FindRequest, findNix } from './find.ts'
import { githubAccess } from './github-access.ts'
import { type InstalledNix, type InstallJob, withPath } from './install.ts'
import { knownVulnerabilities } from './known-vulnerabilities.ts'
import { configureNix } from './nix.ts'
import type { GithubAccess } from './private-archive.ts'
import type { NixAccess } from './sandbox.ts'
import type { SourceReference } from './source-reference.ts'
import { userNetrc } from './user-netrc.ts'

/** The inputs that concern Nix. */
export type NixRequest = Omit<FindRequest, 'releases'> & {
  /** Lines for nix.conf. */
  readonly config: string
  /** Nix gets the token if this source is on the GitHub that the workflow runs on. */
  readonly source: SourceReference
  /** Builders must not see these. */
  readonly secretFolders: readonly string[]
}

/** The servers of sources, and the function that makes an installed Nix available to the job's later steps. */
export type Outside = GithubAccess & { readonly addToJob: (installed: InstalledNix) => void }

/**
 * Finds or installs Nix and configures it. With `install-nix: always`, later steps have it too. Says in the log if that
 * Nix has known vulnerabilities, and goes on: an older one may be all that there is.
 */
export const prepareNix = async (
  request: NixRequest,
  { endpoints, githubToken, addToJob }: Outside,
  job: InstallJob,
): Promise<NixAccess> => {
  const { source, config, sandbox, secretFolders } = request
  const installed = await findNix({ ...request, releases: endpoints.releases }, job)
  const environment = installed
    ? { ...withPath(job.environment, installed.bin), ...installed.variables }
    : job.environment
  const { ownGithub } = endpoints
  const isOnOwnGithub =
    // If GitHub is below a path, the rest of the host may belong to somebody else, and a lock file may name any of it.
    (source.type === 'lock' && URL.parse(ownGithub)?.origin === ownGithub) ||
    (source.type === 'github' && endpoints.github === ownGithub) ||
    (source.type === 'tarball' && URL.parse(source.url)?.origin === ownGithub)
  // A package set must not bring native code that runs during evaluation.
  const own = sandbox === 'off' ? '' : '\nallow-unsafe-native-code-during-evaluation = false'
  const configure = (config: string) => configureNix(config + own, { ...job, environment })
  const plain = await configure(config)
  const nix = plain.inEnvironment(environment)
  const version = await nix('nix-store', ['--version']).catch((error) => {
    throw explainNix(error, 'Nix does not start')
  })
  job.log.info(version.trim())
  const vulnerable = knownVulnerabilities(version, { installed: installed && request.release, system: request.system })
  if (vulnerable) (installed ? job.log.warning : job.log.notice)(vulnerable)
  if (installed && request.install === 'always') addToJob(installed)
  const rest = { environment, sandbox, secretFolders }
  if (!isOnOwnGithub || !githubToken) return { nix, ...plain, ...rest }
  const netrc = await userNetrc(nix).catch((error) => {
    throw explainNix(error, 'Nix cannot read its settings')
  })
  const access = await githubAccess(githubToken, ownGithub, netrc, job.temporary)
  const withAccess = await configure(config + access)
  return { nix: withAccess.inEnvironment(environment), ...withAccess, ...rest }
}
