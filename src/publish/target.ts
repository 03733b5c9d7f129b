import { rm } from 'node:fs/promises'
import type { PlatformImage } from '../image/platform-image.ts'
import { mapConcurrently } from '../lib/concurrent.ts'
import { UserError } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { timed } from '../lib/timings.ts'
import type { Descriptor, Digest, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import { imageIndex } from '../oci/image-index.ts'
import { formatRepository, type Repository } from '../oci/reference.ts'
import { type CredentialSources, findCredentials } from '../registry/credentials.ts'
import { isRefusal, TransientError } from '../registry/error.ts'
import {
  hasLayer,
  type LayerFile,
  type PushedBlob,
  pushImage,
  pushIndex,
  pushLayer,
  pushTagged,
  pushTags,
} from '../registry/push.ts'
import { RepositoryClient } from '../registry/repository.ts'
import { explainMoves } from './moved-tags.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from './write-layout.ts'

/** Where an image goes, and who may write there. */
export type TargetPlan = {
  readonly repository: Repository
  readonly tags: readonly string[]
  readonly credentials: Omit<CredentialSources, 'signal'>
  readonly push: boolean
  /** Why the image is not pushed, where it is not; for the log, at this level. */
  readonly notPushed: { readonly level: 'info' | 'notice'; readonly message: string }
  /** The folder of an image layout, as the input `output` names it; absolute. */
  readonly layout: string | undefined
  /** No link in it leads to the layout. */
  readonly workspace: string
  /** The commit that the run is about, and which attempt of the run this is; for the sentences about moved tags. */
  readonly commit: string
  readonly attempt: number
  /** Annotations of the index, where the image has several platforms. */
  readonly indexAnnotations: Readonly<Record<string, string>>
}

/** Whether only a registry says so: anybody who may push to it may have written that. */
type Trust = { readonly isClaim: boolean }

/** The registry and the image layout that a run writes to, of which each may be absent. */
export type Target = {
  readonly pushes: boolean
  readonly tags: readonly string[]
  /** Takes a layer that is complete. `undefined` where nothing is pushed. Its file is not needed afterwards. */
  readonly deliver: (layer: LayerFile) => Promise<PushedBlob | undefined>
  /** Keeps how the file of a layer is made again, which `publish` does where the registry has lost the layer. */
  readonly keep: (layer: Digest, pack: () => Promise<LayerFile>) => void
  /** Whether the registry says that it has a layer which this run did not pack. Never where nothing is pushed. */
  readonly has: (layer: Descriptor, trust: Trust) => Promise<boolean>
  /**
   * Whether an image can be had whose layers this run did not pack: where the run pushes, the registry has them all and
   * takes the image under its digest.
   */
  readonly takes: (image: Image, trust: Trust) => Promise<boolean>
  /** Pushes an image whose layers have been delivered, under its digest. Nothing is pushed twice. */
  readonly push: (image: PlatformImage) => Promise<void>
  /**
   * Pushes the images and what the tags point at, then moves the tags; completes the layout. Returns what the tags
   * point at. Layers that the registry loses meanwhile are packed and sent once more; `isLost` is true of the error if
   * that cannot be done.
   */
  readonly publish: (images: readonly PlatformImage[]) => Promise<Document>
  /** The bytes of a manifest or an index in the registry; `undefined` where there is none. */
  readonly manifest: (reference: string) => Promise<Uint8Array | undefined>
  /** A small blob of the registry, checked against its digest. */
  readonly blob: (digest: Digest) => Promise<Uint8Array>
  /** Pushes a document under a tag of its own, which later runs look for. */
  readonly pushRecord: (document: Pick<Image, 'config' | 'manifest'>, tag: string) => Promise<void>
  readonly delivered: () => Delivery
}

/** Where the image went, and what that took so far. */
export type Delivery = {
  readonly repository: Repository
  readonly tags: readonly string[]
  readonly pushed: boolean
  readonly layout: string | undefined
  /** Those for tokens too. */
  readonly requests: number
  /** What had to be sent again too. */
  readonly bytesSent: number
}

/** The registry has lost a layer that this run cannot pack, since an earlier one did. */
class LostLayerError extends UserError {}

/**
 * Whether a push failed in a way that it may because this run has not packed all layers. Registries have many words for
 * a blob that is not there.
 */
export const isLost = (error: unknown): boolean => error instanceof LostLayerError || isRefusal(error)

/** Layers that the registry is asked about at once. */
const askedAtOnce = 6

/**
 * Makes the layout's folder and finds out whether the repository may be pushed to, before there is work that would be
 * lost. Throws a `UserError` that says what stands in the way.
 */
export const openTarget = async (
  plan: TargetPlan,
  { log, secret, signal, timings }: Pick<Job, 'log' | 'secret' | 'signal' | 'timings'>,
): Promise<Target> => {
  const { repository, tags, push, layout, commit, attempt } = plan
  if (layout) await prepareLayout(layout, plan.workspace)
  const credentials = await findCredentials(repository, { ...plan.credentials, signal })
  const client = new RepositoryClient(repository, credentials, { log, secret, signal })
  if (push) await client.checkAccess()
  const packs = new Map<Digest, (() => Promise<LayerFile>)[]>()
  /** Manifests that the registry has taken from this run. */
  const pushed = new Set<Digest>()

  const lost = (digest: Digest): LostLayerError =>
    new LostLayerError(
      `${formatRepository(repository)} has lost ${digest}, which an earlier run pushed; run the job again.`,
    )

  const resend = async ({ digest }: Descriptor): Promise<void> => {
    for (const pack of packs.get(digest) ?? []) {
      const layer = await pack()
      // What a claim names is not what is packed here.
      const isSame = layer.descriptor.digest === digest
      if (isSame) await pushLayer(client, layer)
      await rm(layer.file)
      if (isSame) return
    }
    throw lost(digest)
  }

  /** Of a manifest that it has, a registry need not say that it has lost a layer. */
  const repair = async ({ image }: PlatformImage): Promise<void> => {
    for (const { descriptor } of image.layers) if (!(await hasLayer(client, descriptor))) await resend(descriptor)
    await pushImage(client, image, resend)
  }

  const pushOnce = async (image: Image): Promise<void> => {
    const { digest } = image.manifest.descriptor
    if (!pushed.has(digest)) await pushImage(client, image, resend)
    pushed.add(digest)
  }

  const pushAll = async (images: readonly PlatformImage[], top: Document): Promise<void> => {
    const repairAll = async (): Promise<void> => {
      for (const image of images) await repair(image)
    }
    for (const { image } of images) await pushOnce(image)
    if (images.length > 1) await pushIndex(client, top, repairAll)
    const moved = await pushTags(client, top, tags, repairAll)
    const { digest } = top.descriptor
    log.info(`Pushed ${formatRepository(repository)}@${digest} as ${tags.join(', ')}`)
    for (const { level, message } of explainMoves(moved, { repository, digest, commit, attempt })) log[level](message)
  }

  /** Does what asks the registry. `false` where it says that it does not have what a record says. */
  const unlessLost = async (ask: () => Promise<boolean>, { isClaim }: Trust): Promise<boolean> => {
    try {
      return await ask()
    } catch (error) {
      // What is wrong with a claim is not the fault of what it is about.
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
      if (layout) await addLayerToLayout(layout, layer)
      return blob
    },
    keep: (layer, pack) => {
      packs.set(layer, [...(packs.get(layer) ?? []), pack])
    },
    has: async (layer, trust) => push && (await unlessLost(() => hasLayer(client, layer), trust)),
    takes: async (image, trust) => {
      if (!push) return true
      // A registry may take a manifest of blobs that it does not have.
      const layers = new Map(image.layers.map(({ descriptor }) => [descriptor.digest, descriptor]))
      return timed(timings, 'push', () =>
        unlessLost(async () => {
          await mapConcurrently([...layers.values()], askedAtOnce, async (layer) => {
            if (!(await hasLayer(client, layer))) throw lost(layer.digest)
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
      if (push)
        await timed(timings, 'push', () => pushAll(images, top)).catch((error) => {
          pushed.clear()
          throw error
        })
      else log[plan.notPushed.level](plan.notPushed.message)
      if (layout) {
        await writeLayout(
          layout,
          images.map(({ image }) => image),
          top,
          tags,
        )
        log.info(`The image layout is in ${layout}`)
      }
      return top
    },
    manifest: (reference) => client.retrying(() => client.getManifest(reference)),
    blob: (digest) => client.retrying(() => client.getBlob(digest)),
    pushRecord: (document, tag) => pushTagged(client, document, tag),
    delivered: () => ({
      ...{ repository, tags, pushed: push, layout },
      ...{ requests: client.requests, bytesSent: client.bytesSent },
    }),
  }
}

/** What the tags point at: the image, or the index where there are several. */
const topOf = (images: readonly PlatformImage[], indexAnnotations: Readonly<Record<string, string>>): Document => {
  const [only, ...others] = images
  if (only && others.length === 0) return only.image.manifest
  return imageIndex(
    images.map(({ platform, image }) => ({ platform, manifest: image.manifest.descriptor })),
    indexAnnotations,
  )
}
