import { type ImageRecord, mergeRecords, noRecords, parseRecords, printRecords, type Records } from './cache/records.ts'
import { list, parseJson, record, string } from './check.ts'
import { messages } from './error.ts'
import type { Log } from './log.ts'
import { documentOf, jsonDocument, parseDigest } from './oci/descriptor.ts'
import { annotated, keyedLayers } from './oci/layer-annotations.ts'
import { imageManifestMediaType } from './oci/media-type.ts'
import { pushTagged } from './registry/push.ts'
import type { RepositoryClient } from './registry/repository.ts'

const recordMediaType = 'application/vnd.nix-image-action.record.v1+json'

/** The tag of the record of a request. */
const tagOf = (requestKey: string): string => `nix-${requestKey.slice(0, 32)}`

/**
 * What the registry says of earlier runs: the records of these requests, and the layers of what the tags name now. All of it
 * is believed: whoever may push to the repository may have written it. What is not of the right form is told and left out.
 */
export const pullRecords = async (
  client: RepositoryClient,
  requestKeys: readonly string[],
  tags: readonly string[],
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<Records> => {
  let records = noRecords
  const add = async (tag: string, read: (manifest: Record<string, unknown>) => Promise<Records>): Promise<void> => {
    try {
      const bytes = await client.retrying(() => client.getManifest(tag))
      if (!bytes) return
      records = mergeRecords(records, await read(record(parseJson(`${bytes}`, tag), tag)))
    } catch (error) {
      signal.throwIfAborted()
      log.notice(`What the registry has as ${tag} cannot be used for later runs: ${messages(error).join(': ')}.`)
    }
  }
  for (const key of requestKeys)
    await add(tagOf(key), async (manifest) => {
      const config = record(manifest['config'], 'config')
      if (string(config['mediaType'], 'config.mediaType') !== recordMediaType) throw new Error('it is no record')
      return parseRecords(
        `${await client.retrying(() => client.getBlob(parseDigest(config['digest'], 'config.digest')))}`,
      )
    })
  for (const tag of tags)
    await add(tag, async (manifest) => {
      const { manifests } = manifest
      if (manifests === undefined) return { images: [], layers: keyedLayers(manifest) }
      let found = noRecords
      for (const entry of list(record)(manifests, 'manifests')) {
        const digest = parseDigest(entry['digest'], 'manifests.digest')
        const bytes = await client.retrying(() => client.getManifest(digest))
        if (bytes) found = mergeRecords(found, { images: [], layers: keyedLayers(parseJson(`${bytes}`, digest)) })
      }
      return found
    })
  return records
}

/** Puts the record of a request into the registry: a manifest that names the image's layers, so that they are kept. */
export const pushRecord = (client: RepositoryClient, image: ImageRecord): Promise<void> => {
  const config = documentOf(recordMediaType, printRecords({ images: [image], layers: [] }))
  const { layers } = image.contents
  const manifest = jsonDocument(imageManifestMediaType, {
    schemaVersion: 2,
    mediaType: imageManifestMediaType,
    config: config.descriptor,
    layers: layers.map(annotated),
  })
  return pushTagged(client, { config, manifest }, tagOf(image.key))
}
