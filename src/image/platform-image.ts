import type { Image } from '../oci/image.ts'
import type { Platform } from '../oci/platform.ts'
import type { Contents, Layer } from './contents.ts'

/** A layer of this run's image. */
export type MadeLayer = Layer & {
  /** `built` by this run, or `reused`: an earlier run built it, and it was found by its key. */
  readonly made: 'built' | 'reused'
  /** Only a registry says that this is the layer, and anybody who may push to it may have written that. */
  readonly isClaim: boolean
  /** `sent` to the registry, or `there` already; `undefined` if the image is not pushed. */
  readonly blob: 'sent' | 'there' | undefined
}

/** The image of one platform. */
export type PlatformImage = {
  readonly platform: Platform
  readonly contents: Contents<MadeLayer>
  readonly image: Image
  /** Something that a package says about itself could not be evaluated. Later runs do not use the image as a whole. */
  readonly isPartial: boolean
  /** The time that an earlier run took to make the image; `undefined` if this run made it. */
  readonly reused: { readonly milliseconds: number } | undefined
}
