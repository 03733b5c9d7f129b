import type { Contents } from '../image/contents.ts'
import { count, list, parseJson, record, string } from '../lib/check.ts'
import { type NarHash, parseNarHash } from '../nix/nar-hash.ts'
import type { KeyedLayer } from '../oci/layer-annotations.ts'
import { parseContents, parseKey, parseLayer, printContents, printLayer } from './contents-record.ts'
import { type PathReader, pathReader, pathWriter } from './path-table.ts'

/**
 * Who says what a record says. GitHub's scopes decide who may have written what the Actions cache has. What a registry
 * has may be of anybody who may push there: it is a claim, and so is all that was made with it. One never becomes the
 * other.
 */
export type Level = 'cache' | 'registry'

/** That a request was built: in how many milliseconds, and what the image holds. */
export type ImageRecord<L extends Level> = {
  readonly level: L
  readonly key: string
  readonly milliseconds: number
  readonly contents: Contents
}

/** What is known of a layer by its key. */
export type LayerRecord<L extends Level> = KeyedLayer & { readonly level: L }

/** That a run fetched a source and hashed it; `key` is `sourceKey`. */
export type SourceRecord<L extends Level> = { readonly level: L; readonly key: string; readonly narHash: NarHash }

/** What earlier runs left behind, the newest first. */
export type Records<L extends Level> = {
  readonly level: L
  readonly images: readonly ImageRecord<L>[]
  readonly layers: readonly LayerRecord<L>[]
  readonly sources: readonly SourceRecord<L>[]
}

export const noRecords = <L extends Level>(level: L): Records<L> => ({ level, images: [], layers: [], sources: [] })

/**
 * An image of 2,500 store paths takes about 400 kB, and less where others have the same; a layer 300 bytes, a source
 * 130.
 */
const most = { images: 40, layers: 2000, sources: 200 }

const formatVersion = 2

export const findImage = <L extends Level>({ images }: Records<L>, key: string): ImageRecord<L> | undefined =>
  images.find((image) => image.key === key)

export const findLayer = <L extends Level>({ layers }: Records<L>, key: string): LayerRecord<L> | undefined =>
  layers.find((layer) => layer.key === key)

/** The hashes that a source had when it was fetched, the newest first. No registry is asked that. */
export const findSource = ({ sources }: Records<'cache'>, key: string): NarHash[] =>
  sources.filter((source) => source.key === key).map(({ narHash }) => narHash)

/** Whether the records say the same of a request already. */
export const hasImage = (records: Records<Level>, { key, contents }: ImageRecord<Level>): boolean => {
  const known = findImage(records, key)
  return known !== undefined && textOf(known.contents) === textOf(contents)
}

/** Whether the records say all of this already. */
export const hasRecords = (records: Records<Level>, { images, layers, sources }: Records<Level>): boolean =>
  images.every((image) => hasImage(records, image)) &&
  layers.every(({ key, descriptor }) => findLayer(records, key)?.descriptor.digest === descriptor.digest) &&
  sources.every(({ key, narHash }) => records.sources.some((known) => known.key === key && known.narHash === narHash))

const textOf = (contents: Contents): string => {
  const paths = pathWriter()
  return JSON.stringify([printContents(contents, paths), paths.table()])
}

/** Adds an image with its layers, and drops the oldest where there are too many. */
export const addImage = <L extends Level>(records: Records<L>, image: ImageRecord<NoInfer<L>>): Records<L> =>
  addLayers(mergeRecords(records, { ...noRecords<L>(records.level), images: [image] }), image.contents.layers)

/** Adds layers, of which it is known who says so: nobody else, or whoever says the records. */
export const addLayers = <L extends Level>(
  records: Records<L>,
  layers: readonly (KeyedLayer & { readonly level?: NoInfer<L> })[],
): Records<L> => {
  const { level } = records
  const added = layers.map(({ key, descriptor, diffID }) => ({ level, key, descriptor, diffID }))
  return mergeRecords(records, { ...noRecords<L>(level), layers: added })
}

/** All records of both; of the same key, those of the second one. */
export const mergeRecords = <L extends Level>(older: Records<L>, newer: Records<NoInfer<L>>): Records<L> => ({
  level: older.level,
  images: merge(older.images, newer.images, keyOf).slice(0, most.images),
  layers: merge(older.layers, newer.layers, keyOf).slice(0, most.layers),
  // One URL may have had several contents, each with its hash.
  sources: merge(older.sources, newer.sources, ({ key, narHash }) => key + narHash).slice(0, most.sources),
})

const keyOf = ({ key }: { readonly key: string }): string => key

const merge = <T>(older: readonly T[], newer: readonly T[], nameOf: (item: T) => string): T[] => {
  const names = new Set(newer.map(nameOf))
  return [...newer, ...older.filter((item) => !names.has(nameOf(item)))]
}

/** The records as JSON; the same records give the same text. Who says them is where they are, and not in the text. */
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
 * The records with as many images as make a text of at most `limit` bytes: without those that are longer by themselves,
 * then without the oldest.
 */
export const fittingRecords = <L extends Level>(records: Records<L>, limit: number): Records<L> => {
  const fits = (images: readonly ImageRecord<L>[]): boolean =>
    Buffer.byteLength(printRecords({ ...records, images })) <= limit
  if (fits(records.images)) return records
  let images = records.images.filter((image) => fits([image]))
  while (images.length > 0 && !fits(images)) images = images.slice(0, -1)
  return { ...records, images }
}

/** Reads records that the Actions cache has. Throws an `Error` that names what is not of the right form. */
export const parseCachedRecords = (text: string): Records<'cache'> => {
  const { fields, ...rest } = parseRecords(text, 'cache')
  return { ...rest, sources: list(sourceRecord)(fields['sources'], 'sources') }
}

/** Reads records that a registry has, which are good for nothing but images and layers. Throws an `Error` as well. */
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
