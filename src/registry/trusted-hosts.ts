import { isLoopback } from '../lib/loopback.ts'
import { isPrivateAddress } from '../lib/private-address.ts'

/** The hosts that serve the API of registries whose own host does not. */
const endpoints: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']])

/** Hosts other than a registry's own that are known to give its tokens. */
const knownTokenHosts: ReadonlyMap<string, string> = new Map([
  ['docker.io', 'auth.docker.io'],
  ['registry.gitlab.com', 'gitlab.com'],
  ['registry.digitalocean.com', 'api.digitalocean.com'],
])

/** The origin of a registry's API. Plain HTTP is for loopback only, where nobody can listen on the way. */
export const registryOrigin = (registry: string): string => {
  const url = new URL(`https://${endpoints.get(registry) ?? registry}`)
  return isLoopback(url.hostname) ? new URL(`http://${registry}`).origin : url.origin
}

/**
 * Whether this is the registry's own host, which may be on a private network. For a registry on loopback, every
 * loopback host counts as its own.
 */
export const isOwnHost = (registry: string, { hostname }: URL): boolean => {
  const own = new URL(registryOrigin(registry)).hostname
  return hostname === own || (isLoopback(own) && isLoopback(hostname))
}

/**
 * Whether credentials for the registry may be sent to this token server, which the registry itself has named.
 * `tokenHosts` are the hosts that the user allows beside the registry's own.
 */
export const isTrustedRealm = (registry: string, realm: URL, tokenHosts: readonly string[] = []): boolean => {
  const origin = registryOrigin(registry)
  if (realm.origin === origin) return true
  if (isTokenHost(realm, tokenHosts)) return true
  if (isLoopback(new URL(origin).hostname)) return isLoopback(realm.hostname)
  // GitLab serves its registry on another port of its own host. Other hosts of the same domain may belong to somebody
  // else.
  return realm.protocol === 'https:' && [new URL(origin).hostname, knownTokenHosts.get(registry)].includes(realm.host)
}

/** Whether the user has named this host as one that gives tokens. Plain HTTP is for loopback only. */
export const isTokenHost = ({ protocol, host, hostname }: URL, tokenHosts: readonly string[]): boolean =>
  tokenHosts.includes(host) && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)))

/**
 * Whether a request without authorization may be sent to a place that the registry names. A registry must not use the
 * runner to reach what only the runner can reach. The address of a name is known only when a connection is made, see
 * `outsideLookup`.
 */
export const isAllowedPlace = (registry: string, place: URL): boolean => {
  const isOwn = isOwnHost(registry, place)
  if (place.protocol === 'http:') return isOwn && isLoopback(place.hostname)
  return place.protocol === 'https:' && (isOwn || !isPrivateAddress(place.hostname))
}
