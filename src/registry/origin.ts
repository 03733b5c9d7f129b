const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/

/** Hosts on which a registry's requests are served where they are not its own. */
const endpoints: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' }

/** Hosts other than a registry's own that may be given its credentials, for a token. */
const tokenHosts: Readonly<Record<string, string>> = { 'docker.io': 'auth.docker.io' }

/** Where a registry answers. Plain HTTP is for loopback only, where nobody can listen on the way. */
export const registryOrigin = (registry: string): string =>
  `${loopback.test(registry) ? 'http' : 'https'}://${endpoints[registry] ?? registry}`

/** Whether credentials for the registry may be sent to this token server, which the registry itself has named. */
export const isTrustedRealm = (registry: string, realm: URL): boolean => {
  if (realm.origin === registryOrigin(registry)) return true
  if (loopback.test(registry)) return loopback.test(realm.host)
  return realm.protocol === 'https:' && realm.host === tokenHosts[registry]
}
