import { UserError } from '../lib/error.ts'
import pins from './pins.json' with { type: 'json' }

/** The Nix to install; each field may be empty. `sha256` is hex digits. */
export type ReleaseReference = { readonly version: string; readonly url: string; readonly sha256: string }

/** A release tarball of Nix; `sha256` in hex. */
export type NixRelease = { readonly url: string; readonly sha256: string; readonly system: string }

const releases: Readonly<Record<string, Readonly<Record<string, string>>>> = pins.nix.releases

/** The versions whose checksums are known, the oldest first. */
export const knownVersions: readonly string[] = Object.keys(releases)

/** The version that is installed if no input names one. */
export const defaultVersion: string = pins.nix.default

/** The known versions, as in `2.34.7 or 2.35.2`. `remark` follows the default one. */
export const oneOfVersions = (remark = ''): string => {
  const names = knownVersions.map((version) => (version === defaultVersion ? `${version}${remark}` : version))
  return [names.slice(0, -1).join(', '), ...names.slice(-1)].filter(Boolean).join(' or ')
}

/** The URL of a release tarball. `base` is the URL of the server with releases, without a slash at the end. */
export const releaseUrl = (version: string, system: string, base: string): string =>
  `${base}/nix/nix-${version}/nix-${version}-${system}.tar.xz`

/**
 * The release to install: the one at `url`, or the one of `version`, or the default. `sha256` is needed if our table
 * has none. `base` is as in `releaseUrl`. Throws a `UserError` if the hash is not known.
 */
export const nixRelease = ({ version, url, sha256 }: ReleaseReference, system: string, base: string): NixRelease => {
  if (url) return { url, sha256, system }
  const wanted = version || defaultVersion
  const known = sha256 || releases[wanted]?.[system]
  if (!known)
    throw new UserError(
      `\`nix-version\` is ${wanted}, whose checksum for ${system} is not known; write ${oneOfVersions()}, or give \`nix-sha256\`.`,
    )
  return { url: releaseUrl(wanted, system, base), sha256: known, system }
}
