import type { Contents } from '../image/contents.ts'
import type { MadeLayer, PlatformImage } from '../image/platform-image.ts'
import { inOrder, type Timings } from '../lib/timings.ts'
import type { PinnedSource } from '../nix/source.ts'
import type { Descriptor, Digest, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import type { Platform } from '../oci/platform.ts'
import type { Repository } from '../oci/reference.ts'
import type { Delivery } from '../publish/target.ts'

/** A layer of the image. `narSize` is the size of its store paths in bytes; 0 for the last layers, which have none. */
export type OutcomeLayer = Pick<MadeLayer, 'key' | 'holds' | 'storePaths' | 'diffID' | 'made' | 'blob'> & {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly narSize: number
}

/** The image of one platform. */
export type PlatformOutcome = Pick<Contents, 'conflicts' | 'danglingLinks' | 'packages' | 'closure'> & {
  readonly platform: Platform
  readonly image: Image
  readonly layers: readonly OutcomeLayer[]
}

/** The result of a run. Sizes are in bytes. */
export type Outcome = {
  readonly repository: Repository
  readonly tags: readonly string[]
  /** The document that the tags point at: the manifest of the image, or the index of the images. */
  readonly descriptor: Descriptor
  readonly pushed: boolean
  readonly output: string | undefined
  readonly source: PinnedSource
  readonly platforms: readonly [PlatformOutcome, ...PlatformOutcome[]]
  /**
   * `image` if nothing was evaluated, since an earlier run made the same image; `layers` if some layers were not built.
   */
  readonly reused: 'image' | 'layers' | 'none'
  /** Seconds that earlier runs took for the images that were not built. */
  readonly secondsBefore: number
  readonly uploaded: number
  readonly requests: number
  readonly timings: Timings
}

/** The outcome of a run that made these images; `top` is what the tags point at. */
export const outcomeOf = (
  images: readonly PlatformImage[],
  top: Document,
  source: PinnedSource,
  { layout, bytesSent, ...delivery }: Delivery,
  timings: Timings,
): Outcome => ({
  ...delivery,
  descriptor: top.descriptor,
  output: layout,
  source,
  platforms: images.map(platformOutcome) as [PlatformOutcome],
  reused: reusedOf(images),
  secondsBefore: images.reduce((total, { reused }) => total + (reused?.milliseconds ?? 0), 0) / 1000,
  uploaded: bytesSent,
  timings: inOrder(timings),
})

const platformOutcome = ({ platform, contents, image }: PlatformImage): PlatformOutcome => {
  const { packages, conflicts, danglingLinks, closure, layers } = contents
  return {
    platform,
    image,
    packages,
    conflicts,
    danglingLinks,
    closure,
    layers: layers.map(({ descriptor, ...layer }) => ({
      ...descriptor,
      ...layer,
      narSize: layer.storePaths.reduce((total, path) => total + (closure.paths.get(path)?.narSize ?? 0), 0),
    })),
  }
}

const reusedOf = (images: readonly PlatformImage[]): Outcome['reused'] => {
  if (images.every(({ reused }) => reused)) return 'image'
  return images.some(({ contents }) => contents.layers.some(({ made }) => made === 'reused')) ? 'layers' : 'none'
}
