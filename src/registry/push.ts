import type { Descriptor, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import { answerOf, isMissingContent, TransientError } from './error.ts'
import { inconsistentRegistry } from './refusal.ts'
import type { RepositoryClient } from './repository.ts'

/** A complete layer in a file. */
export type LayerFile = { readonly descriptor: Descriptor; readonly file: string }

/** Whether a blob had to be `sent`, or the registry had it already (`there`). */
export type PushedBlob = 'sent' | 'there'

/** A tag that named `from` before, or that another job set to something else at the same time (`rival`). */
export type MovedTag = { readonly tag: string; readonly from: string | undefined; readonly rival?: string }

/** Sends a layer if the registry does not have it. Returns whether it had to be sent. */
export const pushLayer = (client: RepositoryClient, { descriptor, file }: LayerFile): Promise<PushedBlob> =>
  pushBlob(client, descriptor, () => client.putBlobFile(descriptor, file))

const pushBlob = async (
  client: RepositoryClient,
  descriptor: Descriptor,
  send: () => Promise<void>,
): Promise<PushedBlob> => {
  let result: PushedBlob = 'there'
  // A retry starts over: the upload that broke off may have been stored, which `hasBlob` finds out.
  await client.retrying(async () => {
    if (await client.hasBlob(descriptor)) return
    result = 'sent'
    await unlessThere(send, () => client.hasBlob(descriptor))
  })
  return result
}

/** Whether the registry has a layer that was not built in this run. */
export const hasLayer = (client: RepositoryClient, layer: Descriptor): Promise<boolean> =>
  client.retrying(() => client.hasBlob(layer))

/**
 * Pushes an image under its digest: first the configuration, then the manifest. The registry must have the layers
 * before, so that no manifest ever names a missing blob. If the registry then reports a missing blob, which GHCR does,
 * each layer is looked for once more, and `resend` must push the missing ones.
 */
export const pushImage = async (
  client: RepositoryClient,
  image: Pick<Image, 'config' | 'layers' | 'manifest'>,
  resend: (layer: Descriptor) => Promise<void>,
): Promise<void> => {
  const push = async (): Promise<void> => {
    const { config, manifest } = image
    await pushBlob(client, config.descriptor, () => client.putBlob(config.descriptor, config.bytes))
    await putManifest(client, manifest, manifest.descriptor.digest)
  }
  await repairing(push, () => resendMissing(client, image, resend))
}

/** Sends the layers that the registry does not have any more, with `resend`. */
const resendMissing = async (
  client: RepositoryClient,
  { layers }: Pick<Image, 'layers'>,
  resend: (layer: Descriptor) => Promise<void>,
): Promise<void> => {
  for (const { descriptor } of layers) if (!(await hasLayer(client, descriptor))) await resend(descriptor)
}

/**
 * Pushes an image once more, after a look for each of its layers: a registry that has the manifest already need not
 * report that it has lost one.
 */
export const repairImage = async (...image: Parameters<typeof pushImage>): Promise<void> => {
  await resendMissing(...image)
  await pushImage(...image)
}

/**
 * Pushes a configuration, then its manifest under a tag only. The other blobs must be there before. One request writes
 * both manifest and tag. The manifest needs no push under its digest, since no index names it.
 */
export const pushTagged = async (
  client: RepositoryClient,
  { config, manifest }: Pick<Image, 'config' | 'manifest'>,
  tag: string,
): Promise<void> => {
  await pushBlob(client, config.descriptor, () => client.putBlob(config.descriptor, config.bytes))
  await putManifest(client, manifest, tag)
}

/**
 * Pushes an index under its digest, so that a tag never points at an incomplete index. `repair` pushes its images
 * again.
 */
export const pushIndex = (client: RepositoryClient, index: Document, repair: () => Promise<void>): Promise<void> =>
  repairing(() => putManifest(client, index, index.descriptor.digest), repair)

/**
 * Moves the tags to a document that the registry has under its digest, and checks that they name it then. `repair`
 * pushes the document again. Returns the tags that named something else before, or that name something else now: if
 * several jobs push the same tag, the last one wins. `done` is told of each tag in order, also of those that named the
 * document or nothing before, since a later one may fail.
 */
export const pushTags = async (
  client: RepositoryClient,
  top: Document,
  tags: readonly string[],
  repair: () => Promise<void>,
  done: (tag: MovedTag) => void = () => {},
): Promise<MovedTag[]> => {
  const { digest } = top.descriptor
  const kept = await readBack(client, digest)
  if (kept !== digest) throw inconsistentRegistry(client.repository, `has ${kept} as ${digest}`)
  const moved: MovedTag[] = []
  for (const tag of tags) {
    const set = await pushTag(client, top, tag, repair)
    done(set)
    if (set.rival !== undefined || (set.from !== undefined && set.from !== digest)) moved.push(set)
  }
  return moved
}

const pushTag = async (
  client: RepositoryClient,
  top: Document,
  tag: string,
  repair: () => Promise<void>,
): Promise<MovedTag> => {
  const { digest } = top.descriptor
  const from = await client.retrying(() => client.resolve(tag))
  if (from === digest) return { tag, from }
  await repairing(() => putManifest(client, top, tag), repair)
  const named = await readBack(client, tag, from)
  if (named === digest) return { tag, from }
  // The registry has what another job set the tag to. If it does not, its answer is wrong.
  if ((await client.retrying(() => client.resolve(named))) !== named)
    throw inconsistentRegistry(client.repository, `names ${named} as ${tag}, and does not have it`)
  return { tag, from, rival: named }
}

const putManifest = (client: RepositoryClient, document: Document, reference: string): Promise<void> =>
  client.retrying(() =>
    unlessThere(
      () => client.putManifest(document, reference).catch(explainBrokenManifest),
      async () => (await client.resolve(reference)) === document.descriptor.digest,
    ),
  )

/**
 * The digest is always that of the bytes that were sent. Debian's registry rejects it if several clients put the same
 * manifest at once.
 */
const explainBrokenManifest = (error: Error): never => {
  if (answerOf(error)?.code !== 'DIGEST_INVALID') throw error
  throw new TransientError(error.message, { tries: 4, cause: answerOf(error) })
}

/** Other jobs push too, and some registries refuse the second one. It is enough that the content is there. */
const unlessThere = async (send: () => Promise<void>, isThere: () => Promise<boolean>): Promise<void> => {
  try {
    await send()
  } catch (error) {
    const { status = 0 } = answerOf(error) ?? {}
    const isRefusal = status >= 400 && status < 500 && status !== 401 && status !== 429
    // A registry that has lost a blob may still have the manifest that names it.
    if (!isRefusal || isMissingContent(error) || !(await isThere().catch(() => false))) throw error
  }
}

/** Repairs once: a registry that keeps losing content cannot be filled. */
const repairing = async (work: () => Promise<void>, repair: () => Promise<void>): Promise<void> => {
  try {
    await work()
  } catch (error) {
    if (!isMissingContent(error)) throw error
    await repair()
    await work()
  }
}

/**
 * Resolves a reference that was just put. A registry may need a moment to show it, or to stop showing the previous
 * manifest.
 */
const readBack = (client: RepositoryClient, reference: string, from?: string): Promise<string> =>
  client.retrying(async () => {
    const { registry } = client.repository
    const named = await client.resolve(reference)
    if (named === undefined)
      throw new TransientError(`${registry} took ${reference} and does not have it; run the job again.`)
    if (named === from)
      throw new TransientError(`${registry} took ${reference} and still has ${from} as it; run the job again.`, {
        tries: 4,
      })
    return named
  })
