import type { Descriptor, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import type { RepositoryClient } from './repository.ts'
import { retrying } from './retry.ts'

/** A layer that lies ready in a file. */
export type LayerFile = { readonly descriptor: Descriptor; readonly file: string }

/** `exists`: the registry had it, and nothing was sent. */
export type PushedLayer = 'built' | 'exists'

/** Makes sure that the registry has a layer. Says whether it had to be sent. */
export const pushLayer = async (client: RepositoryClient, { descriptor, file }: LayerFile): Promise<PushedLayer> =>
  // Never from the middle: an upload that broke off may have been stored, which the first question tells.
  retrying(async () => {
    if (await client.hasBlob(descriptor.digest)) return 'exists'
    await client.putBlobFile(descriptor, file)
    return 'built'
  }, client.signal)

/** Whether the registry has a layer that was not built in this run. */
export const hasLayer = (client: RepositoryClient, { digest }: Descriptor): Promise<boolean> =>
  retrying(() => client.hasBlob(digest), client.signal)

/**
 * Pushes an image under its digest: configuration, then manifest. The layers must be there, so that nothing ever names a
 * blob that is not.
 */
export const pushImage = async (client: RepositoryClient, { config, manifest }: Image): Promise<void> => {
  await retrying(async () => {
    if (!(await client.hasBlob(config.descriptor.digest))) await client.putBlob(config.descriptor, config.bytes)
  }, client.signal)
  await retrying(() => client.putManifest(manifest), client.signal)
}

/** Pushes an index under its digest, so that a tag never points at one that is not complete. */
export const pushIndex = (client: RepositoryClient, index: Document): Promise<void> =>
  retrying(() => client.putManifest(index), client.signal)

/** Moves the tags to what is there already under its digest. */
export const pushTags = async (client: RepositoryClient, top: Document, tags: readonly string[]): Promise<void> => {
  for (const tag of tags) await retrying(() => client.putManifest(top, tag), client.signal)
}
