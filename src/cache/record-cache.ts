import { createHash } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messages } from '../error.ts'
import type { Log } from '../log.ts'
import { counted } from '../units.ts'
import type { ActionsCache } from './actions-cache.ts'
import type { CacheUse } from './cache-use.ts'
import { noRecords, parseRecords, printRecords, type Records } from './records.ts'

export type RecordTools = {
  readonly cache: ActionsCache
  readonly use: CacheUse
  readonly log: Log
  /** Of this run; the records are in a folder in it. */
  readonly temporary: string
}

/** In milliseconds; records are small. */
const deadline = 10_000

/** In bytes: more than the records that are kept come to. */
const limit = 64_000_000

const prefix = 'nix-image-records-'

/** Jobs that ask for different images save at the same time, so that each has entries of its own. */
const prefixOf = (requestKey: string): string => `${prefix}${requestKey.slice(0, 32)}-`

/**
 * Reads the records of earlier runs from the Actions cache: the newest of a run with one of these request keys, or else the
 * newest of all. There are none where the cache has none, or none of the right form.
 */
export const restoreRecords = async (
  requestKeys: readonly string[],
  { cache, use, log, temporary }: RecordTools,
): Promise<Records> => {
  if (!use.read) return noRecords
  const folder = join(temporary, folderName)
  // There is no entry of that name: what is in one decides how its key ends.
  const find = (prefixes: readonly string[]) => cache.restore(folder, prefix, prefixes, deadline)
  // All prefixes are looked for in this branch before any is in the default branch, so that the last one comes by itself.
  const entry = (await find(requestKeys.map(prefixOf))) ?? (await find([prefix]))
  if (entry === undefined) return noRecords
  try {
    const { size } = await stat(join(folder, fileName))
    if (size > limit) throw new Error(`they have ${size} bytes, and no run saves so many`)
    const records = parseRecords(await readFile(join(folder, fileName), 'utf8'))
    log.info(`The Actions cache has records of ${counted(records.images.length, 'image')}, in ${entry}`)
    return records
  } catch (error) {
    cache.distrust(folder, entry)
    const reason = messages(error).join(': ').slice(0, 500)
    log.notice(`The records in ${entry} of the Actions cache cannot be used: ${reason}.`)
    return noRecords
  }
}

/** Saves records under the request key of the image that was built. An entry never changes, so that every content has its own. */
export const saveRecords = async (
  records: Records,
  requestKey: string,
  { cache, use, log, temporary }: RecordTools,
): Promise<void> => {
  if (!use.save) return
  const folder = join(temporary, folderName)
  const text = printRecords(records)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, fileName), text)
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  const entry = await cache.save(folder, prefixOf(requestKey) + digest, deadline)
  if (entry !== undefined) log.info(`Saved records of ${counted(records.images.length, 'image')} as ${entry}`)
}

const folderName = 'nix-image-records'
const fileName = 'records.json'
