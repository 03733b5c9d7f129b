import type { Descriptor } from './descriptor.ts'
import { imageIndexMediaType } from './media-type.ts'

/**
 * The two files at the top of an OCI image layout. Each tag is an entry of its own with the same digest. Source: OCI image
 * specification, https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export const layoutFiles = (
  manifest: Descriptor,
  tags: readonly string[],
): Record<'oci-layout' | 'index.json', string> => ({
  'oci-layout': JSON.stringify({ imageLayoutVersion: '1.0.0' }),
  'index.json': JSON.stringify({
    schemaVersion: 2,
    mediaType: imageIndexMediaType,
    manifests: tags.map((tag) => ({ ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } })),
  }),
})
