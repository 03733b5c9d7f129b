import type { Descriptor, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import { answerOf, isMissingContent, TransientError } from './error.ts'
import { inconsistentRegistry } from './refusal.ts'
import type { RepositoryClient } from './repository.ts'

/** A layer that lies ready in a file. */
export type LayerFile = { readonly descriptor: Descriptor; readonly file: string }

/** A blob had to be `sent`, or was `there`: the registry had it. */
export type PushedBlob = 'sent' | 'there'

/** A tag that named something else before, or names what another job has set it to at the same time (`rival`). */
export type MovedTag = { readonly tag: string; readonly from: string | undefined; readonly rival?: string }

/** Makes sure that the registry has a layer. Says whether it had to be sent. */
export const pushLayer = (client: RepositoryClient, { descriptor, file }: LayerFile): Promise<PushedBlob> =>
  pushBlob(client, descriptor, () => client.putBlobFile(descriptor, file))

const pushBlob = async (
  client: RepositoryClient,
  descriptor: Descriptor,
  send: () => Promise<void>,
): Promise<PushedBlob> => {
  let result: PushedBlob = 'there'
  // Never from the middle: an upload that broke off may have been stored, which the first question tells.
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
 * Pushes an image under its digest: configuration, then manifest. The layers must be there, so that nothing ever names
 * a blob that is not. Where the registry then says that one is missing, which GHCR does, each is looked for once more,
 * and `resend` has to push those that are not there.
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
  await repairing(push, async () => {
    for (const { descriptor } of image.layers) if (!(await hasLayer(client, descriptor))) await resend(descriptor)
  })
}

/**
 * Pushes a manifest of blobs that are there, but for its configuration, under a tag alone: one request writes both, and
 * nothing else names it, as an index names an image.
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
 * Pushes an index under its digest, so that a tag never points at one that is not complete; `repair` pushes its images
 * again.
 */
export const pushIndex = (client: RepositoryClient, index: Document, repair: () => Promise<void>): Promise<void> =>
  repairing(() => putManifest(client, index, index.descriptor.digest), repair)

/**
 * Moves the tags to what is there already under its digest, and looks whether they name it then; `repair` pushes it
 * again. Returns those tags that named something else before, or do so since: of jobs that push the same tag, the last
 * one wins.
 */
export const pushTags = async (
  client: RepositoryClient,
  top: Document,
  tags: readonly string[],
  repair: () => Promise<void>,
): Promise<MovedTag[]> => {
  const { digest } = top.descriptor
  const kept = await readBack(client, digest)
  if (kept !== digest) throw inconsistentRegistry(client.repository, `has ${kept} as ${digest}`)
  const moved: MovedTag[] = []
  for (const tag of tags) {
    const from = await client.retrying(() => client.resolve(tag))
    if (from === digest) continue
    await repairing(() => putManifest(client, top, tag), repair)
    const named = await readBack(client, tag, from)
    if (named !== digest) {
      // What a job has set is there; what only the registry says may not be.
      if ((await client.retrying(() => client.resolve(named))) !== named)
        throw inconsistentRegistry(client.repository, `names ${named} as ${tag}, and does not have it`)
      moved.push({ tag, from, rival: named })
    } else if (from !== undefined) moved.push({ tag, from })
  }
  return moved
}

const putManifest = (client: RepositoryClient, document: Document, reference: string): Promise<void> =>
  client.retrying(() =>
    unlessThere(
      () => client.putManifest(document, reference).catch(explainBrokenManifest),
      async () => (await client.resolve(reference)) === document.descriptor.digest,
    ),
  )

/**
 * The digest is that of the bytes that are sent; Debian's registry mistakes it where several put the same manifest at
 * once.
 */
const explainBrokenManifest = (error: Error): never => {
  if (answerOf(error)?.code !== 'DIGEST_INVALID') throw error
  throw new TransientError(error.message, { tries: 4, cause: answerOf(error) })
}

/** Others push as well, and some registries refuse whoever comes second: what is there is there. */
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

/** Once: a registry that goes on forgetting is not going to be filled. */
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
 * What a reference names that was put; what is not to be seen at once, or still is as it was before, may be in a
 * moment.
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
