import { mapConcurrently } from '../concurrent.ts'
import type { Descriptor, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import type { RepositoryClient } from './repository.ts'

/** A layer that lies ready in a file. */
export type LayerFile = { readonly descriptor: Descriptor; readonly file: string }

/** `exists`: the registry had it, and nothing was sent. */
export type PushedLayer = 'built' | 'exists'

/** More at once make no difference on a runner's network, and keep well below the registries' limits of requests. */
const parallelUploads = 6

/**
 * Pushes an image under its digest: layers, configuration, manifest, so that nothing ever names a blob that is not there.
 * Says of each layer whether it was sent.
 */
export const pushImage = async (
  client: RepositoryClient,
  { config, manifest }: Image,
  layers: readonly LayerFile[],
): Promise<PushedLayer[]> => {
  const pushed = await pushLayers(client, layers)
  if (!(await client.hasBlob(config.descriptor.digest))) await client.putBlob(config.descriptor, config.bytes)
  await client.putManifest(manifest)
  return pushed
}

/** Pushes an index under its digest, so that a tag never points at one that is not complete. */
export const pushIndex = (client: RepositoryClient, index: Document): Promise<void> => client.putManifest(index)

/** Moves the tags to what is there already under its digest. */
export const pushTags = async (client: RepositoryClient, top: Document, tags: readonly string[]): Promise<void> => {
  for (const tag of tags) await client.putManifest(top, tag)
}

/** A digest that comes twice is sent once. */
const pushLayers = (client: RepositoryClient, layers: readonly LayerFile[]): Promise<PushedLayer[]> => {
  const uploads = new Map<string, Promise<PushedLayer>>()
  return mapConcurrently(layers, parallelUploads, async ({ descriptor, file }) => {
    const upload = uploads.get(descriptor.digest) ?? pushLayer(client, descriptor, file)
    uploads.set(descriptor.digest, upload)
    return upload
  })
}

const pushLayer = async (client: RepositoryClient, descriptor: Descriptor, file: string): Promise<PushedLayer> => {
  if (await client.hasBlob(descriptor.digest)) return 'exists'
  await client.putBlobFile(descriptor, file)
  return 'built'
}
