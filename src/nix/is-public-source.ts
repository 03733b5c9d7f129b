import { publicEndpoints } from './endpoints.ts'
import type { FetchedSource } from './source.ts'

const { github, channels, releases } = publicEndpoints
const publicPlaces = [`${github}/NixOS/nixpkgs/`, `${channels}/`, `${releases}/`]

/**
 * Whether everybody can fetch the source: it is nixpkgs, from a place where NixOS publishes it. For other sources
 * nothing is certain: their server may need a token in the URL or a password in a netrc file, or may answer in one
 * network only.
 */
export const isPublicSource = ({ srcType, srcArgs }: FetchedSource): boolean => {
  const url = srcArgs['url'] ?? ''
  const isTarball = srcType === 'nixpkgs' || srcType === 'tarball'
  // A `..` in the URL would lead to another place.
  const isPlain = URL.parse(url)?.href === url && !url.includes('?')
  return isTarball && isPlain && publicPlaces.some((place) => url.startsWith(place))
}
