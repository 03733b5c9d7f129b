import { isLoopback } from '../lib/loopback.ts'
import { isPrivateAddress } from '../lib/private-address.ts'

/** Hosts on which a registry's requests are served where they are not its own. */
const endpoints: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']])

/** Hosts other than a registry's own that may be given its credentials, for a token. */
const tokenHosts: ReadonlyMap<string, string> = new Map([
  ['docker.io', 'auth.docker.io'],
  ['registry.gitlab.com', 'gitlab.com'],
  ['registry.digitalocean.com', 'api.digitalocean.com'],
])

/** Where a registry answers. Plain HTTP is for loopback only, where nobody can listen on the way. */
export const registryOrigin = (registry: string): string => {
  const url = new URL(`https://${endpoints.get(registry) ?? registry}`)
  return isLoopback(url.hostname) ? new URL(`http://${registry}`).origin : url.origin
}

/**
 * Whether this is the registry's own host, wherever that leads: it may be on a private network. For a registry on
 * loopback all of loopback is.
 */
export const isOwnHost = (registry: string, { hostname }: URL): boolean => {
  const own = new URL(registryOrigin(registry)).hostname
  return hostname === own || (isLoopback(own) && isLoopback(hostname))
}

/** Whether credentials for the registry may be sent to this token server, which the registry itself has named. */
export const isTrustedRealm = (registry: string, realm: URL): boolean => {
  const origin = registryOrigin(registry)
  if (realm.origin === origin) return true
  if (isLoopback(new URL(origin).hostname)) return isLoopback(realm.hostname)
  // GitLab has its registry at another port of its own host. What shares a domain may belong to somebody else.
  return realm.protocol === 'https:' && [new URL(origin).hostname, tokenHosts.get(registry)].includes(realm.host)
}

/**
 * Whether anything at all may be sent to a place that the registry names, with no authorization: a registry must not be
 * able to use the runner to reach what only the runner can reach. Where a name leads is only known when it is connected
 * to, see `outsideLookup`.
 */
export const isAllowedPlace = (registry: string, place: URL): boolean => {
  const isOwn = isOwnHost(registry, place)
  if (place.protocol === 'http:') return isOwn && isLoopback(place.hostname)
  return place.protocol === 'https:' && (isOwn || !isPrivateAddress(place.hostname))
}
