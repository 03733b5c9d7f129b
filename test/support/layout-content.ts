import type { Image } from '../../src/oci/image.ts'
import type { LayoutContent } from '../../src/oci/layout.ts'

/** One image with these tags, as it is written into a layout. */
export const layoutContent = (image: Image, ...tags: string[]): LayoutContent => ({
  images: [image],
  top: image.manifest,
  forDocker: image,
  names: { repository: { registry: 'registry.example.org', name: 'owner/tools' }, tags },
})
