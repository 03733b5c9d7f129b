/** The variables that Nix itself needs to build. */
const needed = [
  'PATH',
  'NIX_CONF_DIR',
  'NIX_REMOTE',
  'NIX_SSL_CERT_FILE',
  'SSL_CERT_FILE',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
]

/**
 * The environment of a Nix that builds. A derivation whose output has a fixed hash may read any part of it
 * (`impureEnvVars`), so it has no secrets: the address of a proxy loses its user and password.
 */
export const builderEnvironment = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    needed.flatMap((name) => {
      const value = environment[name]
      return value === undefined ? [] : [[name, /_proxy$/i.test(name) ? withoutUser(value) : value]]
    }),
  )

/** curl also accepts an address without a scheme, and reads all before the last @ as the user. */
const withoutUser = (proxy: string): string => proxy.replace(/^([a-z0-9+.-]+:\/\/)?.*@/i, '$1')
