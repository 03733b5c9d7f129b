import { UserError } from '../lib/error.ts'
import releases from './releases.json' with { type: 'json' }

/** The Nix to install; each field may be empty. `sha256` is hex digits. */
export type ReleaseReference = { readonly version: string; readonly url: string; readonly sha256: string }

/** A release tarball of Nix; `sha256` in hex. */
export type NixRelease = { readonly url: string; readonly sha256: string; readonly system: string }

const knownVersions: readonly string[] = Object.keys(releases)
const defaultVersion = '2.34.7'

/**
 * The release to install: the one at `url`, or the one of `version`, or the default. `sha256` is needed if our table
 * has none. `base` is the URL of the server with releases, without a slash at the end. Throws a `UserError` if the hash
 * is not known.
 */
export const nixRelease = ({ version, url, sha256 }: ReleaseReference, system: string, base: string): NixRelease => {
  if (url) return { url, sha256, system }
  const wanted = version || defaultVersion
  const hashes: Readonly<Record<string, string>> = (releases as Record<string, Record<string, string>>)[wanted] ?? {}
  const known = sha256 || hashes[system]
  if (!known)
    throw new UserError(
      `\`nix-version\` is ${wanted}, whose checksum for ${system} is not known; write ${knownVersions.join(' or ')}, or give \`nix-sha256\`.`,
    )
  return { url: `${base}/nix/nix-${wanted}/nix-${wanted}-${system}.tar.xz`, sha256: known, system }
}
