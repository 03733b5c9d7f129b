import type { BuiltLayer } from './archive/build-layers.ts'
import type { Links } from './archive/links.ts'
import { type Image, type ImageSettings, image } from './oci/image.ts'
import { architectureOf, type Platform } from './oci/platform.ts'

/** The time that Nix gives every file; an image that is built again must not have another digest. */
const created = '1970-01-01T00:00:01Z'

const certificates = 'etc/ssl/certs/ca-bundle.crt'

/** The image of the layers. What can be started follows from the links. */
export const assemble = (layers: readonly BuiltLayer[], links: Links, platform: Platform): Image => {
  const settings: ImageSettings = {
    architecture: architectureOf(platform),
    created,
    env: ['PATH=/bin:/sbin:/usr/bin', ...(links.has(certificates) ? [`SSL_CERT_FILE=/${certificates}`] : [])],
    cmd: links.has('bin/bash') ? ['/bin/bash'] : undefined,
  }
  return image(
    layers.map(({ descriptor, diffID, key, holds }) => ({
      descriptor: {
        ...descriptor,
        annotations: { 'io.github.nix-image-action.key': key, 'io.github.nix-image-action.diff-id': diffID },
      },
      diffID,
      holds,
    })),
    settings,
  )
}
