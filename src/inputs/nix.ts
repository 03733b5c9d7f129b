import { isLoopback } from '../lib/loopback.ts'
import { defaultVersion, type ReleaseReference } from '../nix/release.ts'
import { type GetInput, type Problem, quoted } from './problem.ts'

/** The inputs `nix-version`, `nix-url` and `nix-sha256`; each may be empty. */
export const parseRelease = (get: GetInput, problem: Problem): ReleaseReference => {
  const release = { version: get('nix-version'), url: get('nix-url'), sha256: get('nix-sha256').toLowerCase() }
  const { version, url, sha256 } = release
  const wrong = (name: string, value: string, instead: string): void =>
    problem(`\`${name}\` is ${quoted(value)}; write ${instead}.`)
  if (version && !/^\d+\.\d+(\.\d+)?$/.test(version))
    wrong('nix-version', version, `a release of Nix, as in \`${defaultVersion}\``)
  if (sha256 && !/^[0-9a-f]{64}$/.test(sha256))
    wrong('nix-sha256', sha256, 'the SHA-256 of the tarball in 64 hex digits')
  if (!url) return release
  const { protocol, hostname, username, password } = URL.parse(url) ?? {}
  if (username || password || (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname ?? ''))))
    wrong('nix-url', url, 'an https URL of a release tarball, without a user or password')
  if (version) problem('`nix-version` and `nix-url` are both given; leave one of them out.')
  if (!sha256) problem('`nix-url` is given, but not `nix-sha256`; give the SHA-256 of that tarball.')
  return release
}
