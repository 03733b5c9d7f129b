/**
 * Media types. Source: OCI image specification 1.1, "OCI Image Media Types",
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md
 */
export const imageIndexMediaType = 'application/vnd.oci.image.index.v1+json'
export const imageManifestMediaType = 'application/vnd.oci.image.manifest.v1+json'
export const imageConfigMediaType = 'application/vnd.oci.image.config.v1+json'

const layerMediaTypes = {
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  none: 'application/vnd.oci.image.layer.v1.tar',
} as const

export const layerMediaType = (algorithm: keyof typeof layerMediaTypes): string => layerMediaTypes[algorithm]

export const isLayerMediaType = (text: string): boolean => Object.values<string>(layerMediaTypes).includes(text)
