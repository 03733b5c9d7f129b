import { publicEndpoints } from './endpoints.ts'
import type { FetchedSource } from './source.ts'

const { github, channels, releases } = publicEndpoints
const publicPlaces = [`${github}/NixOS/nixpkgs/`, `${channels}/`, `${releases}/`]

/**
 * Whether anybody may have the source: it is nixpkgs, from where NixOS publishes it. Of nothing else it can be known: a
 * server may want a token in the URL or a password in a netrc file, or answer in one network only.
 */
export const isPublicSource = ({ srcType, srcArgs }: FetchedSource): boolean => {
  const url = srcArgs['url'] ?? ''
  const isTarball = srcType === 'nixpkgs' || srcType === 'tarball'
  // A `..` in it would lead elsewhere.
  const isPlain = URL.parse(url)?.href === url && !url.includes('?')
  return isTarball && isPlain && publicPlaces.some((place) => url.startsWith(place))
}
