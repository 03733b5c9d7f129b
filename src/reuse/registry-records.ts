import { count, list, parseJson, record, string } from '../lib/check.ts'
import { messages } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { documentOf, jsonDocument, parseDigest } from '../oci/descriptor.ts'
import { annotated, keyedLayers } from '../oci/layer-annotations.ts'
import { imageManifestMediaType } from '../oci/media-type.ts'
import type { Target } from '../publish/target.ts'
import {
  addLayers,
  type ImageRecord,
  type Level,
  mergeRecords,
  noRecords,
  parseClaimedRecords,
  printRecords,
  type Records,
} from './records.ts'

const recordMediaType = 'application/vnd.nix-image-action.record.v1+json'

/** In bytes. Answers of a registry are held in memory, and one of more than 8 MB is refused. */
const largestRecord = 6_000_000

/** The tag of the record of a request. */
const tagOf = (requestKey: string): string => `nix-${requestKey.slice(0, 32)}`

/**
 * Reads what the registry claims about earlier runs: the records of these requests, and the layers of the images that
 * the target's tags name now. Anybody who can push to the repository may have written them. A malformed record is
 * logged and left out.
 */
export const pullRecords = async (
  target: Pick<Target, 'manifest' | 'blob' | 'tags'>,
  requestKeys: readonly string[],
  { log, signal }: Pick<Job, 'log' | 'signal'>,
): Promise<Records<'registry'>> => {
  let records = noRecords('registry')
  const add = async (
    tag: string,
    read: (manifest: Record<string, unknown>) => Promise<Records<'registry'>>,
  ): Promise<void> => {
    try {
      const bytes = await target.manifest(tag)
      if (!bytes) return
      records = mergeRecords(records, await read(record(parseJson(`${bytes}`, tag), tag)))
    } catch (error) {
      signal.throwIfAborted()
      log.notice(`What the registry has as ${tag} cannot be used for later runs: ${messages(error).join(': ')}.`)
    }
  }
  for (const key of requestKeys) await add(tagOf(key), (manifest) => readRecord(target, manifest, key))
  for (const tag of target.tags)
    await add(tag, async (manifest) => {
      const { manifests } = manifest
      if (manifests === undefined) return layersOf(manifest)
      let found = noRecords('registry')
      for (const entry of list(record)(manifests, 'manifests')) {
        const digest = parseDigest(entry['digest'], 'manifests.digest')
        const bytes = await target.manifest(digest)
        if (bytes) found = mergeRecords(found, layersOf(parseJson(`${bytes}`, digest)))
      }
      return found
    })
  return records
}

const layersOf = (manifest: unknown): Records<'registry'> => addLayers(noRecords('registry'), keyedLayers(manifest))

/** Drops images of other requests. */
const readRecord = async (
  { blob }: Pick<Target, 'blob'>,
  manifest: Record<string, unknown>,
  requestKey: string,
): Promise<Records<'registry'>> => {
  const config = record(manifest['config'], 'config')
  if (string(config['mediaType'], 'config.mediaType') !== recordMediaType) throw new Error('it is no record')
  const size = count(config['size'], 'config.size')
  if (size > largestRecord) throw new Error(`it has ${size} bytes, and no run keeps so many`)
  const digest = parseDigest(config['digest'], 'config.digest')
  const records = parseClaimedRecords(`${await blob(digest)}`)
  return { ...records, images: records.images.filter(({ key }) => key === requestKey) }
}

/**
 * Pushes the record of a request: a manifest that names the image's layers, so that the registry keeps them. Throws an
 * `Error` if the record is larger than later runs would read.
 */
export const pushRecord = async (target: Pick<Target, 'pushRecord'>, image: ImageRecord<Level>): Promise<void> => {
  const config = documentOf(recordMediaType, printRecords({ ...noRecords(image.level), images: [image] }))
  const { size } = config.descriptor
  if (size > largestRecord) throw new Error(`it has ${size} bytes, and no run reads so many`)
  const { layers } = image.contents
  const manifest = jsonDocument(imageManifestMediaType, {
    schemaVersion: 2,
    mediaType: imageManifestMediaType,
    config: config.descriptor,
    layers: layers.map(annotated),
  })
  await target.pushRecord({ config, manifest }, tagOf(image.key))
}
