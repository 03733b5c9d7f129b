import { UserError } from '../lib/error.ts'
import { githubCom } from '../lib/github-server.ts'
import { isLoopback } from '../lib/loopback.ts'
import { shortened } from '../lib/shortened.ts'
import { formatRepository, type Repository } from '../oci/reference.ts'
import { isSecondaryLimit, type RegistryError } from './error.ts'
import { knownAdvice } from './known-refusals.ts'
import type { Credentials } from './login.ts'

/**
 * Explains a registry's refusal to the author of the workflow, as a `UserError`. `isKnown`: the registry has given a
 * token for the credentials.
 */
export const explainRefusal = (
  error: RegistryError,
  repository: Repository,
  credentials: Credentials | undefined,
  isKnown = false,
): UserError => new UserError(sentence(error, repository, credentials, isKnown), { cause: error })

export const noCredentials = ({ registry }: Repository): UserError =>
  new UserError(
    githubOf(registry)
      ? `${registry} wants credentials and there are none; where the workflow runs on ${githubOf(registry)}, leave \`github-token\` at its default, or else give \`username\` and \`password\`.`
      : `${registry} wants credentials and there are none; give \`username\` and \`password\`, or log in with docker/login-action before this step.`,
  )

/** The host of the GitHub server that a registry belongs to, judged by the registry's name. */
const githubOf = (registry: string): string | undefined =>
  registry === githubCom.registry ? new URL(githubCom.url).host : /^containers\.(.+)$/.exec(registry)?.[1]

/** The error for an answer that comes from a web server or a proxy, and not from a registry. */
export const notARegistry = ({ registry }: Repository, what: string): UserError =>
  new UserError(`${registry} ${what}; check that \`image\` names a registry, and run the job again if it does.`)

/**
 * The error for a registry that contradicts itself or what was sent. Nothing that it says of this image can be relied
 * on.
 */
export const inconsistentRegistry = ({ registry }: Repository, what: string): UserError =>
  new UserError(
    `${registry} ${what}, so the image cannot be relied on; run the job again, and if this comes again, tell those who run the registry.`,
  )

/** The error for a token server that must not get the credentials. */
export const refusedRealm = ({ registry }: Repository, { protocol, host, hostname }: URL): UserError => {
  const refused = `${registry} asks for its credentials to be sent to ${protocol}//${host}, which is not that registry; they were not sent`
  if (protocol !== 'https:' && !isLoopback(hostname))
    return new UserError(`${refused}. Let it name its token server with https.`)
  const own = githubOf(registry)
    ? ` and give \`username\` and \`password\`, since \`github-token\` goes to ${registry} only`
    : ''
  return new UserError(
    `${refused}. If that host gives the tokens of this registry, write \`token-hosts: ${host}\`${own}.`,
  )
}

/** The error for a place that the registry names, and that nothing may be sent to. */
export const refusedPlace = ({ registry }: Repository, place: URL): UserError =>
  place.protocol === 'http:' && registry.split(':')[0] === place.hostname
    ? new UserError(
        `${registry} wants requests to be sent to ${place.origin}, which has no HTTPS; nothing was sent there. Let the proxy in front of it say that it is reached by HTTPS, as with \`X-Forwarded-Proto: https\`.`,
      )
    : new UserError(
        `${registry} wants requests to be sent to ${place.origin}, which has no HTTPS or leads to a private address; nothing was sent there. Use a registry that answers itself.`,
      )

/** In characters: how much of a registry's words is in a sentence. The log has more of them. */
const longestQuote = 300

/** Words that say no more than the status does. */
const general =
  /^(denied|unauthorized|forbidden|unauthenticated|not found|(requested )?access to the resource is denied|authentication required|(manifest|blob|name) unknown( to registry)?|repository name not known to registry)?[.!]?$/i

const sentence = (
  error: RegistryError,
  repository: Repository,
  credentials: Credentials | undefined,
  isKnown: boolean,
): string => {
  const { registry } = repository
  const { status, code, detail } = error
  const words = shortened(detail, longestQuote).replaceAll('"', "'")
  const says = general.test(words) ? '' : ` (it says "${words}")`
  const isDenied = status === 403 || code === 'DENIED' || (status === 401 && isKnown)
  if (status === 429 || isSecondaryLimit(error))
    return `${registry} limits how often it may be asked${says}; run the job again later.`
  if (status >= 500)
    return `${registry} is out of order (it answers ${status}${says && `: "${words}"`}); run the job again later.`
  if ((status === 401 || isDenied) && !credentials) return noCredentials(repository).message
  if (/immutab|TAG_INVALID/i.test(`${code} ${detail}`))
    return `${registry} does not let a tag of ${formatRepository(repository)} move${says}; set a new tag in \`tags\`, or let tags move in the registry's settings.`
  const advice = knownAdvice(error, { repository, username: credentials?.username ?? '' })
  if (advice) return `${registry} says "${words}"; ${advice}.`
  if (isDenied && credentials) return refusedPush(repository, credentials, says)
  if (status === 401 && credentials) return refusedCredentials(repository, credentials, says)
  if (status === 404)
    return `${registry} does not know ${formatRepository(repository)}${says}; make that repository there first, or check \`image\`.`
  if (status === 413)
    return `${registry} refuses a blob as too large${says}; raise \`max-layers\`, which makes the layers smaller.`
  const remedy =
    status === 415 || code === 'MANIFEST_INVALID'
      ? 'check that it takes OCI images'
      : 'see what it says, and run the job again'
  const told = shortened(error.message, 2 * longestQuote).replace(/\.$/, '')
  return `${registry} refuses what was sent: ${told}; ${remedy}.`
}

const refusedCredentials = ({ registry }: Repository, { username }: Credentials, says: string): string =>
  githubOf(registry)
    ? `${registry} refuses the credentials of ${username}${says}; give the job \`permissions: packages: write\`, or check \`username\` and \`password\`.`
    : `${registry} refuses the credentials of ${username}${says}; check \`username\` and \`password\`, or what docker/login-action was given.`

const refusedPush = (repository: Repository, { username }: Credentials, says: string): string =>
  githubOf(repository.registry)
    ? `${repository.registry} does not let this job push to ${formatRepository(repository)}${says}; give the job \`permissions: packages: write\`, and if the package was not first pushed from this repository, give the repository the role "Write" under "Manage Actions access" in the package's settings.`
    : `${repository.registry} does not let ${username} push to ${formatRepository(repository)}${says}; use credentials that may write to it, as a token with the right to write, and check the name in \`image\`.`
