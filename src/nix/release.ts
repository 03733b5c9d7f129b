import { UserError } from '../error.ts'
import type { ReleaseInputs } from '../inputs/nix.ts'
import releases from './releases.json' with { type: 'json' }

/** A release tarball of Nix; `sha256` in hex. */
export type NixRelease = { readonly url: string; readonly sha256: string; readonly system: string }

export const knownVersions: readonly string[] = Object.keys(releases)
export const defaultVersion = '2.34.7'

/**
 * The release to install: the one at `url`, or the one of `version`, or the default. `sha256` is needed where our table has
 * none. `base` is where releases are, without a slash at the end. Throws a `UserError` if the hash is not known.
 */
export const nixRelease = ({ version, url, sha256 }: ReleaseInputs, system: string, base: string): NixRelease => {
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
