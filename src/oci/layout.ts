import type { Descriptor } from './descriptor.ts'
import { imageIndexMediaType } from './media-type.ts'

/**
 * The file `oci-layout`, which marks a folder as an image layout. Source: OCI image specification,
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export const layoutFile: string = JSON.stringify({ imageLayoutVersion: '1.0.0' })

/** The file `index.json` of an image layout. Each tag is an entry of its own with the same digest. */
export const layoutIndex = (manifest: Descriptor, tags: readonly string[]): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: imageIndexMediaType,
    manifests: tags.map((tag) => ({ ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } })),
  })
