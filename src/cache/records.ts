import { count, list, parseJson, record, string } from '../check.ts'
import type { Contents } from '../contents.ts'
import { type NarHash, parseNarHash } from '../nix/nar-hash.ts'
import type { KeyedLayer } from '../oci/layer-annotations.ts'
import { parseContents, parseKey, parseLayer, printContents, printLayer } from './contents-record.ts'

/** That a request was built: in how many milliseconds, what the image holds, and which content its package set had. */
export type ImageRecord = {
  readonly key: string
  readonly narHash: NarHash
  readonly milliseconds: number
  readonly contents: Contents
}

/** What is known of a layer by its key. */
export type LayerRecord = KeyedLayer

/** What earlier runs left behind, the newest first. */
export type Records = { readonly images: readonly ImageRecord[]; readonly layers: readonly LayerRecord[] }

export const noRecords: Records = { images: [], layers: [] }

/** An image of some hundred store paths takes about 100 kB, a layer 300 bytes. */
const most = { images: 40, layers: 2000 }

const formatVersion = 1

export const findImage = ({ images }: Records, key: string): ImageRecord | undefined =>
  images.find((image) => image.key === key)

/** Whether the records say the same of a request already. */
export const hasImage = (records: Records, key: string, contents: Contents): boolean => {
  const known = findImage(records, key)
  return (
    known !== undefined && JSON.stringify(printContents(known.contents)) === JSON.stringify(printContents(contents))
  )
}

export const findLayer = ({ layers }: Records, key: string): LayerRecord | undefined =>
  layers.find((layer) => layer.key === key)

/** Adds what a run built, and drops the oldest where there are too many. */
export const addImage = (records: Records, image: ImageRecord): Records =>
  mergeRecords(records, {
    images: [image],
    layers: image.contents.layers.map(({ key, descriptor, diffID }) => ({ key, descriptor, diffID })),
  })

/** All records of both; of the same key, those of the second one. */
export const mergeRecords = (older: Records, newer: Records): Records => ({
  images: merge(older.images, newer.images).slice(0, most.images),
  layers: merge(older.layers, newer.layers).slice(0, most.layers),
})

const merge = <T extends { readonly key: string }>(older: readonly T[], newer: readonly T[]): T[] => {
  const keys = new Set(newer.map(({ key }) => key))
  return [...newer, ...older.filter(({ key }) => !keys.has(key))]
}

/** The records as JSON; the same records give the same text. */
export const printRecords = ({ images, layers }: Records): string =>
  JSON.stringify({
    version: formatVersion,
    images: images.map(({ contents, ...image }) => ({ ...image, contents: printContents(contents) })),
    layers: layers.map(printLayer),
  })

/**
 * Reads records. They are believed for what they say, but everything has to be of the right form. Throws an `Error` that
 * names what is not.
 */
export const parseRecords = (text: string): Records => {
  const records = record(parseJson(text, 'the records'), 'the records')
  if (records['version'] !== formatVersion) throw new Error(`the records have the version ${records['version']}`)
  return {
    images: list(imageRecord)(records['images'], 'images'),
    layers: list(parseLayer)(records['layers'], 'layers'),
  }
}

const imageRecord = (value: unknown, what: string): ImageRecord => {
  const fields = record(value, what)
  return {
    key: parseKey(fields['key'], `${what}.key`),
    narHash: parseNarHash(string(fields['narHash'], `${what}.narHash`), `${what}.narHash`),
    milliseconds: count(fields['milliseconds'], `${what}.milliseconds`),
    contents: parseContents(fields['contents'], `${what}.contents`),
  }
}
