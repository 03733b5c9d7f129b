import { mapConcurrently } from '../concurrent.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import type { RepositoryClient } from './repository.ts'

/** More at once make no difference on a runner's network, and keep well below the registries' limits of requests. */
const parallelUploads = 6

/**
 * Makes sure that the registry has a layer. `exists`: it had it and nothing was sent.
 */
export const pushLayer = async (
  client: RepositoryClient,
  descriptor: Descriptor,
  file: string,
): Promise<'exists' | 'built'> => {
  if (await client.hasBlob(descriptor.digest)) return 'exists'
  await client.putBlobFile(descriptor, file)
  return 'built'
}

/** The same for many layers. A digest that comes twice is sent once. */
export const pushLayers = async (
  client: RepositoryClient,
  layers: readonly { readonly descriptor: Descriptor; readonly file: string }[],
): Promise<('exists' | 'built')[]> => {
  const uploads = new Map<string, Promise<'exists' | 'built'>>()
  return mapConcurrently(layers, parallelUploads, async ({ descriptor, file }) => {
    const upload = uploads.get(descriptor.digest) ?? pushLayer(client, descriptor, file)
    uploads.set(descriptor.digest, upload)
    return upload
  })
}

/**
 * Pushes the configuration, the manifest by its digest, then the tags. The layers must be there. Nothing is tagged that is
 * not complete: the manifest is under its digest before the first tag moves.
 */
export const pushManifest = async (
  client: RepositoryClient,
  { config, manifest }: Image,
  tags: readonly string[],
): Promise<void> => {
  if (!(await client.hasBlob(config.descriptor.digest))) await client.putBlob(config.descriptor, config.bytes)
  await client.putManifest(manifest)
  for (const tag of tags) await client.putManifest(manifest, tag)
}
