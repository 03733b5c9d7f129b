import type { PlatformImage } from '../image/platform-image.ts'
import { mapConcurrently } from '../lib/concurrent.ts'
import { UserError } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { timed } from '../lib/timings.ts'
import type { Descriptor, Digest, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import { imageIndex } from '../oci/image-index.ts'
import type { LayoutContent } from '../oci/layout.ts'
import type { Platform } from '../oci/platform.ts'
import { formatRepository, type Repository } from '../oci/reference.ts'
import { type CredentialSources, findCredentials } from '../registry/credentials.ts'
import { TransientError } from '../registry/error.ts'
import {
  hasLayer,
  type LayerFile,
  type MovedTag,
  type PushedBlob,
  pushImage,
  pushIndex,
  pushLayer,
  pushTagged,
  pushTags,
  repairImage,
} from '../registry/push.ts'
import { RepositoryClient } from '../registry/repository.ts'
import { openImageLayout } from './image-layout.ts'
import { isLost, type LostLayers, lostLayer, lostLayers } from './lost-layers.ts'
import { explainMoves, explainUnfinished } from './moved-tags.ts'
import type { PushDecision } from './push-decision.ts'

/** The destinations of an image, and the credentials for them. */
export type TargetPlan = PushDecision & {
  readonly repository: Repository
  readonly tags: readonly string[]
  readonly credentials: Omit<CredentialSources, 'signal'>
  /** The absolute path of the image layout, a folder or an archive, from the input `output`. */
  readonly layout: string | undefined
  /** No link in this folder may lead to the layout. */
  readonly workspace: string
  /** The platform of this machine, whose image Docker loads from a layout of several. */
  readonly platform: Platform
  /** The run's commit and attempt, for the messages about moved tags. */
  readonly commit: string
  readonly attempt: number
  /** Annotations of the index, if the image has several platforms. */
  readonly indexAnnotations: Readonly<Record<string, string>>
}

/** Whether only a registry says that it has something. Anybody who can push to it may have written that. */
type Trust = { readonly isClaim: boolean }

/** The registry and the image layout that a run writes to. Each of them may be absent. */
export type Target = {
  readonly pushes: boolean
  readonly tags: readonly string[]
  /** Delivers a complete layer. Returns `undefined` if nothing is pushed. The layer's file is not needed afterwards. */
  readonly deliver: (layer: LayerFile) => Promise<PushedBlob | undefined>
  /** Keeps how the file of a layer is packed again, which `publish` does if the registry has lost it. */
  readonly keep: LostLayers['keep']
  /** Whether the registry says that it has a layer that this run did not pack. `false` if nothing is pushed. */
  readonly has: (layer: Descriptor, trust: Trust) => Promise<boolean>
  /**
   * Whether this run can use an image whose layers it did not pack. If the run pushes, the registry must have all
   * layers and accept the image under its digest.
   */
  readonly takes: (image: Image, trust: Trust) => Promise<boolean>
  /** Pushes an image under its digest, unless this run has done so before. Its layers must have been delivered. */
  readonly push: (image: PlatformImage) => Promise<void>
  /**
   * Completes the layout. Pushes the images, then what the tags point at, then moves the tags. Returns what the tags
   * point at. Layers that the registry loses meanwhile are packed and sent once more. If that is impossible, `isLost`
   * is true for the error.
   */
  readonly publish: (images: readonly PlatformImage[]) => Promise<Document>
  /** Whether `push` or `publish` may have failed because this run did not pack all layers. */
  readonly isLost: (error: unknown) => boolean
  /** The bytes of a manifest or an index in the registry; `undefined` if there is none. */
  readonly manifest: (reference: string) => Promise<Uint8Array | undefined>
  /** Fetches a small blob from the registry and checks its digest. */
  readonly blob: (digest: Digest) => Promise<Uint8Array>
  /** Pushes a document under a tag of its own, by which later runs find it. */
  readonly pushRecord: (document: Pick<Image, 'config' | 'manifest'>, tag: string) => Promise<void>
  readonly delivered: () => Delivery
}

/** The destinations of the image, with the requests and bytes so far. */
export type Delivery = {
  readonly repository: Repository
  readonly tags: readonly string[]
  readonly pushed: boolean
  readonly layout: string | undefined
  /** Includes requests for tokens. */
  readonly requests: number
  /** Includes what had to be sent again. */
  readonly bytesSent: number
}

/** How many layers the registry is asked about at once. */
const askedAtOnce = 6

/**
 * Prepares the place of the layout and checks that the run may push, before there is work that would be lost. Throws a
 * `UserError` that says what is wrong.
 */
export const openTarget = async (
  plan: TargetPlan,
  { log, secret, signal, temporary, timings }: Pick<Job, 'log' | 'secret' | 'signal' | 'temporary' | 'timings'>,
): Promise<Target> => {
  const { repository, tags, push, commit, attempt } = plan
  const layout = plan.layout && (await openImageLayout(plan.layout, plan.workspace, { temporary, signal }))
  const credentials = await findCredentials(repository, { ...plan.credentials, signal })
  const client = new RepositoryClient(repository, credentials, { log, secret, signal })
  if (push) await client.checkAccess()
  const lost = lostLayers(client)
  /** Manifests that the registry has accepted from this run. */
  const pushed = new Set<Digest>()

  const pushOnce = async (image: Image): Promise<void> => {
    const { digest } = image.manifest.descriptor
    if (!pushed.has(digest)) await pushImage(client, image, lost.resend)
    pushed.add(digest)
  }

  const pushAll = async (images: readonly PlatformImage[], top: Document): Promise<void> => {
    const repair = async (): Promise<void> => {
      for (const { image } of images) await repairImage(client, image, lost.resend)
    }
    for (const { image } of images) await pushOnce(image)
    if (images.length > 1) await pushIndex(client, top, repair)
    const mover = { repository, digest: top.descriptor.digest, commit, attempt }
    const done: MovedTag[] = []
    const tellMoves = (): void => {
      for (const { level, message } of explainMoves(done, mover)) log[level](message)
    }
    await pushTags(client, top, tags, repair, (tag) => done.push(tag)).catch((error) => {
      // To a later attempt, these tags have not moved.
      tellMoves()
      const unfinished = explainUnfinished(done, tags, mover)
      if (unfinished) log.notice(unfinished)
      throw error
    })
    log.info(`Pushed ${formatRepository(repository)}@${mover.digest} as ${tags.join(', ')}`)
    tellMoves()
  }

  /** Asks the registry, and returns `false` if it does not have what a record says. */
  const unlessLost = async (ask: () => Promise<boolean>, { isClaim }: Trust): Promise<boolean> => {
    try {
      return await ask()
    } catch (error) {
      // A wrong claim must not fail the run.
      const isFalse = isClaim && error instanceof UserError && !(error instanceof TransientError)
      signal.throwIfAborted()
      if (!isLost(error) && !isFalse) throw error
      return false
    }
  }

  return {
    pushes: push,
    tags,
    deliver: async (layer) => {
      const blob = push ? await pushLayer(client, layer) : undefined
      if (layout) await layout.addLayer(layer)
      return blob
    },
    keep: lost.keep,
    has: async (layer, trust) => push && (await unlessLost(() => hasLayer(client, layer), trust)),
    takes: async (image, trust) => {
      if (!push) return true
      // A registry may accept a manifest of blobs that it does not have.
      const layers = new Map(image.layers.map(({ descriptor }) => [descriptor.digest, descriptor]))
      return timed(timings, 'push', () =>
        unlessLost(async () => {
          await mapConcurrently([...layers.values()], askedAtOnce, async (layer) => {
            if (!(await hasLayer(client, layer))) throw lostLayer(client, layer)
          })
          await pushOnce(image)
          return true
        }, trust),
      )
    },
    push: async ({ image }) => {
      if (push) await timed(timings, 'push', () => pushOnce(image))
    },
    publish: async (images) => {
      const top = topOf(images, plan.indexAnnotations)
      // This comes before a tag moves, since the disk may be too full for it.
      if (layout) await layout.write(layoutContent(images, top, plan))
      if (push)
        await timed(timings, 'push', () => pushAll(images, top)).catch((error) => {
          pushed.clear()
          throw error
        })
      else log[plan.notPushed.level](plan.notPushed.message)
      if (layout) log.info(`The image layout is in ${plan.layout}`)
      return top
    },
    isLost,
    manifest: (reference) => client.retrying(() => client.getManifest(reference)),
    blob: (digest) => client.retrying(() => client.getBlob(digest)),
    pushRecord: (document, tag) => pushTagged(client, document, tag),
    delivered: () => ({
      ...{ repository, tags, pushed: push, layout: plan.layout },
      ...{ requests: client.requests, bytesSent: client.bytesSent },
    }),
  }
}

/** The document that the tags point at: the manifest, or the index if there are several images. */
const topOf = (images: readonly PlatformImage[], indexAnnotations: Readonly<Record<string, string>>): Document => {
  const [only, ...others] = images
  if (only && others.length === 0) return only.image.manifest
  return imageIndex(
    images.map(({ platform, image }) => ({ platform, manifest: image.manifest.descriptor })),
    indexAnnotations,
  )
}

const layoutContent = (
  images: readonly PlatformImage[],
  top: Document,
  { platform, repository, tags }: TargetPlan,
): LayoutContent => {
  const forDocker = images.find((image) => image.platform === platform) ?? images[0]
  if (!forDocker) throw new Error('An image is for one platform at least')
  return { images: images.map(({ image }) => image), top, forDocker: forDocker.image, names: { repository, tags } }
}
