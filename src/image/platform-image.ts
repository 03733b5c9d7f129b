import type { Image } from '../oci/image.ts'
import type { Platform } from '../oci/platform.ts'
import type { Contents, Layer } from './contents.ts'

/** A layer of this run's image. */
export type MadeLayer = Layer & {
  /** `built` by this run, or `reused`: an earlier run built it, and it was found by its key. */
  readonly made: 'built' | 'reused'
  /** A registry alone says that this is the layer: whoever may push there may have made it. */
  readonly isClaim: boolean
  /** `sent` to the registry, or `there` already; `undefined` where the image is not pushed. */
  readonly blob: 'sent' | 'there' | undefined
}

/** The image of one platform. */
export type PlatformImage = {
  readonly platform: Platform
  readonly contents: Contents<MadeLayer>
  readonly image: Image
  /** In which time an earlier run made the image; `undefined` where this run did. */
  readonly reused: { readonly milliseconds: number } | undefined
}
