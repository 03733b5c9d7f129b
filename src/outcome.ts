import type { DanglingLink } from './archive/dangling-links.ts'
import type { Closure } from './graph/closure.ts'
import type { ImageSpec } from './nix/image-spec.ts'
import type { PinnedSource } from './nix/source.ts'
import type { StorePath } from './nix/store-path.ts'
import type { Descriptor, Digest } from './oci/descriptor.ts'
import type { Image } from './oci/image.ts'
import type { Platform } from './oci/platform.ts'
import type { Repository } from './oci/reference.ts'
import type { Timings } from './timings.ts'

/**
 * Where a layer came from. `reused`: found by its key, not built. `exists`: built, but the registry had it.
 * `built`: built, and sent if the image was pushed.
 */
export type Origin = 'built' | 'reused' | 'exists'

/** A layer of the image. `narSize` is the size of its store paths in bytes; 0 for the last layers, which have none. */
export type OutcomeLayer = {
  readonly digest: Digest
  readonly diffID: Digest
  readonly mediaType: string
  readonly size: number
  readonly key: string
  readonly holds: string
  readonly storePaths: readonly StorePath[]
  readonly narSize: number
  readonly origin: Origin
}

/** The image of one platform. */
export type PlatformOutcome = Pick<ImageSpec, 'conflicts' | 'packages'> & {
  readonly platform: Platform
  readonly danglingLinks: readonly DanglingLink[]
  readonly image: Image
  readonly layers: readonly OutcomeLayer[]
  readonly closure: Closure
}

/** What a run did and made. Sizes are bytes. */
export type Outcome = {
  readonly repository: Repository
  readonly tags: readonly string[]
  /** What the tags point at: the manifest of the image, or the index of the images. */
  readonly descriptor: Descriptor
  readonly pushed: boolean
  readonly output: string | undefined
  readonly source: PinnedSource
  readonly platforms: readonly [PlatformOutcome, ...PlatformOutcome[]]
  readonly uploaded: number
  readonly requests: number
  readonly timings: Timings
}
