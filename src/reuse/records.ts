import type { Contents } from '../image/contents.ts'
import { count, list, parseJson, record, string } from '../lib/check.ts'
import { type NarHash, parseNarHash } from '../nix/nar-hash.ts'
import type { KeyedLayer } from '../oci/layer-annotations.ts'
import { parseContents, parseKey, parseLayer, printContents, printLayer } from './contents-record.ts'
import { type PathReader, pathReader, pathWriter } from './path-table.ts'

/**
 * The origin of a record, which decides how far it is trusted. GitHub's scopes limit who can write to the Actions
 * cache. Anybody who can push to a registry can write its records: they are claims, and so is everything made with
 * them. A record never changes its level.
 */
export type Level = 'cache' | 'registry'

/** Says that an image with these contents was built for the request `key`, and how long that took. */
export type ImageRecord<L extends Level> = {
  readonly level: L
  readonly key: string
  readonly milliseconds: number
  readonly contents: Contents
}

/** A layer that can be found by its key. */
export type LayerRecord<L extends Level> = KeyedLayer & { readonly level: L }

/** Says that a run fetched a source and computed its hash. `key` is the result of `sourceKey`. */
export type SourceRecord<L extends Level> = { readonly level: L; readonly key: string; readonly narHash: NarHash }

/** The records that earlier runs left behind, the newest first. */
export type Records<L extends Level> = {
  readonly level: L
  readonly images: readonly ImageRecord<L>[]
  readonly layers: readonly LayerRecord<L>[]
  readonly sources: readonly SourceRecord<L>[]
}

export const noRecords = <L extends Level>(level: L): Records<L> => ({ level, images: [], layers: [], sources: [] })

/**
 * The limits on records. An image of 2,500 store paths takes about 400 kB, and less if other images have the same
 * paths. A layer takes 300 bytes, a source 130.
 */
const most = { images: 40, layers: 2000, sources: 200 }

const formatVersion = 4

export const findImage = <L extends Level>({ images }: Records<L>, key: string): ImageRecord<L> | undefined =>
  images.find((image) => image.key === key)

export const findLayer = <L extends Level>({ layers }: Records<L>, key: string): LayerRecord<L> | undefined =>
  layers.find((layer) => layer.key === key)

/**
 * The hashes that a source had when it was fetched, the newest first. Only the cache's records are asked, never a
 * registry's.
 */
export const findSource = ({ sources }: Records<'cache'>, key: string): NarHash[] =>
  sources.filter((source) => source.key === key).map(({ narHash }) => narHash)

/** Whether the records already have the same contents for this request. */
export const hasImage = (records: Records<Level>, { key, contents }: ImageRecord<Level>): boolean => {
  const known = findImage(records, key)
  return known !== undefined && textOf(known.contents) === textOf(contents)
}

/** Whether the records already say all of this. */
export const hasRecords = (records: Records<Level>, { images, layers, sources }: Records<Level>): boolean =>
  images.every((image) => hasImage(records, image)) &&
  layers.every(({ key, descriptor }) => findLayer(records, key)?.descriptor.digest === descriptor.digest) &&
  sources.every(({ key, narHash }) => records.sources.some((known) => known.key === key && known.narHash === narHash))

const textOf = (contents: Contents): string => {
  const paths = pathWriter()
  return JSON.stringify([printContents(contents, paths), paths.table()])
}

/** Adds an image with its layers, and drops the oldest records if there are too many. */
export const addImage = <L extends Level>(records: Records<L>, image: ImageRecord<NoInfer<L>>): Records<L> =>
  addLayers(mergeRecords(records, { ...noRecords<L>(records.level), images: [image] }), image.contents.layers)

/** Adds layers that have no level of their own, or that of the records. */
export const addLayers = <L extends Level>(
  records: Records<L>,
  layers: readonly (KeyedLayer & { readonly level?: NoInfer<L> })[],
): Records<L> => {
  const { level } = records
  const added = layers.map(({ key, descriptor, diffID }) => ({ level, key, descriptor, diffID }))
  return mergeRecords(records, { ...noRecords<L>(level), layers: added })
}

/** All records of both. If both have a record with the same key, the newer one is kept. */
export const mergeRecords = <L extends Level>(older: Records<L>, newer: Records<NoInfer<L>>): Records<L> => ({
  level: older.level,
  images: merge(older.images, newer.images, keyOf).slice(0, most.images),
  layers: merge(older.layers, newer.layers, keyOf).slice(0, most.layers),
  // One URL may have had several contents, each with its own hash.
  sources: merge(older.sources, newer.sources, ({ key, narHash }) => key + narHash).slice(0, most.sources),
})

const keyOf = ({ key }: { readonly key: string }): string => key

const merge = <T>(older: readonly T[], newer: readonly T[], nameOf: (item: T) => string): T[] => {
  const names = new Set(newer.map(nameOf))
  return [...newer, ...older.filter((item) => !names.has(nameOf(item)))]
}

/**
 * The records as JSON; the same records give the same text. The level is not in the text: it depends on where the text
 * was read.
 */
export const printRecords = ({ images, layers, sources }: Records<Level>): string => {
  const paths = pathWriter()
  return JSON.stringify({
    version: formatVersion,
    images: images.map(({ key, milliseconds, contents }) => {
      return { key, milliseconds, contents: printContents(contents, paths) }
    }),
    layers: layers.map(printLayer),
    sources: sources.map(({ key, narHash }) => ({ key, narHash })),
    paths: paths.table(),
  })
}

/**
 * The records with as many images as fit into a text of `limit` bytes. Images that are too large by themselves are left
 * out first, then the oldest ones.
 */
export const fittingRecords = <L extends Level>(records: Records<L>, limit: number): Records<L> => {
  const fits = (images: readonly ImageRecord<L>[]): boolean =>
    Buffer.byteLength(printRecords({ ...records, images })) <= limit
  if (fits(records.images)) return records
  let images = records.images.filter((image) => fits([image]))
  while (images.length > 0 && !fits(images)) images = images.slice(0, -1)
  return { ...records, images }
}

/** Reads records from the Actions cache. Throws an `Error` that names what is malformed. */
export const parseCachedRecords = (text: string): Records<'cache'> => {
  const { fields, ...rest } = parseRecords(text, 'cache')
  return { ...rest, sources: list(sourceRecord)(fields['sources'], 'sources') }
}

/**
 * Reads records from a registry, which count for images and layers only. Throws an `Error` that names what is
 * malformed.
 */
export const parseClaimedRecords = (text: string): Records<'registry'> => {
  const { fields, ...rest } = parseRecords(text, 'registry')
  return { ...rest, sources: [] }
}

const parseRecords = <L extends Level>(text: string, level: L) => {
  const fields = record(parseJson(text, 'the records'), 'the records')
  if (fields['version'] !== formatVersion) throw new Error(`the records have the version ${fields['version']}`)
  const paths = pathReader(fields['paths'], 'paths')
  const images = list((value) => value)(fields['images'], 'images')
  if (images.length > most.images) throw new Error(`there are ${images.length} images, and no run keeps so many`)
  return {
    ...{ fields, level },
    images: images.map((image, index) => ({ level, ...imageRecord(image, `images[${index}]`, paths) })),
    layers: list(parseLayer)(fields['layers'], 'layers').map((layer) => ({ level, ...layer })),
  }
}

const imageRecord = (value: unknown, what: string, paths: PathReader) => {
  const fields = record(value, what)
  return {
    key: parseKey(fields['key'], `${what}.key`),
    milliseconds: count(fields['milliseconds'], `${what}.milliseconds`),
    contents: parseContents(fields['contents'], `${what}.contents`, paths),
  }
}

const sourceRecord = (value: unknown, what: string): SourceRecord<'cache'> => {
  const { key, narHash } = record(value, what)
  return {
    level: 'cache',
    key: parseKey(key, `${what}.key`),
    narHash: parseNarHash(string(narHash, `${what}.narHash`), `${what}.narHash`),
  }
}
