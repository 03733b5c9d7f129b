import type { Contents, Layer } from '../image/contents.ts'
import type { Timings } from '../lib/timings.ts'
import type { PinnedSource } from '../nix/source.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import type { Platform } from '../oci/platform.ts'
import type { Repository } from '../oci/reference.ts'

/**
 * Where a layer came from. `reused`: found by its key, not built. `exists`: built, but the registry had it.
 * `built`: built, and sent if the image was pushed.
 */
export type Origin = 'built' | 'reused' | 'exists'

/**
 * The image of one platform, and where each of its layers came from. One that was not `built` is as an earlier run made
 * it.
 */
export type PlatformImage = {
  readonly platform: Platform
  readonly built: boolean
  readonly contents: Contents
  readonly image: Image
  readonly origins: readonly Origin[]
}

/** `push` pushes the image under its digest; once more, where the registry has lost something of it. */
export type PushableImage = PlatformImage & { readonly push: () => Promise<void> }

/** A layer of the image. `narSize` is the size of its store paths in bytes; 0 for the last layers, which have none. */
export type OutcomeLayer = Pick<Layer, 'key' | 'holds' | 'storePaths' | 'diffID'> & {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly narSize: number
  readonly origin: Origin
}

/** The image of one platform. */
export type PlatformOutcome = Pick<Contents, 'conflicts' | 'danglingLinks' | 'packages' | 'closure'> & {
  readonly platform: Platform
  readonly image: Image
  readonly layers: readonly OutcomeLayer[]
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
  /** `image` if nothing was evaluated, since an earlier run made the same; `layers` if some layers were not built. */
  readonly reused: 'image' | 'layers' | 'none'
  /** Seconds that earlier runs took for the images that were not built. */
  readonly secondsBefore: number
  readonly uploaded: number
  readonly requests: number
  readonly timings: Timings
}

export const platformOutcome = ({ platform, contents, image, origins }: PlatformImage): PlatformOutcome => {
  const { packages, conflicts, danglingLinks, closure, layers } = contents
  return {
    platform,
    image,
    packages,
    conflicts,
    danglingLinks,
    closure,
    layers: layers.map(({ descriptor, diffID, key, storePaths, holds }, index) => ({
      ...descriptor,
      diffID,
      key,
      storePaths,
      holds,
      narSize: storePaths.reduce((total, path) => total + (closure.paths.get(path)?.narSize ?? 0), 0),
      origin: origins[index] ?? 'built',
    })),
  }
}

export const reusedOf = (images: readonly PlatformImage[]): Outcome['reused'] => {
  if (images.every(({ built }) => !built)) return 'image'
  return images.some(({ origins }) => origins.includes('reused')) ? 'layers' : 'none'
}
