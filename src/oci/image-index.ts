import { type Descriptor, type Document, jsonDocument } from './descriptor.ts'
import { imageIndexMediaType } from './media-type.ts'
import { architectureOf, type Platform } from './platform.ts'
import { sorted } from './sorted.ts'

/**
 * The index of an image for several platforms. Source: OCI image specification, "OCI Image Index",
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
 */
export const imageIndex = (
  images: readonly { readonly platform: Platform; readonly manifest: Descriptor }[],
  annotations: Readonly<Record<string, string>>,
): Document =>
  jsonDocument(imageIndexMediaType, {
    schemaVersion: 2,
    mediaType: imageIndexMediaType,
    manifests: images.map(({ platform, manifest }) => ({
      ...manifest,
      platform: { architecture: architectureOf(platform), os: 'linux' },
    })),
    annotations: sorted(annotations),
  })
