import { createHash } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheLimits } from '../cache/cache-limits.ts'
import type { RecordStore } from '../cache/open-caches.ts'
import { messages } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { counted } from '../lib/units.ts'
import { fittingRecords, noRecords, parseCachedRecords, printRecords, type Records } from './records.ts'

type RecordJob = Pick<Job, 'log' | 'temporary'>

/** In bytes. A run that finds everything it needs in the records must still finish within a second. */
const limit = 16_000_000

const prefix = 'nix-image-records-'

/** Jobs for different images save at the same time, so each request has entries of its own. */
const prefixOf = (name: string): string => `${prefix}${name.slice(0, 32)}-`

/**
 * Restores the records of earlier runs from the Actions cache: the newest entry of a run with one of these names, 64
 * hex digits each, or else the newest entry of all. Returns no records if the cache has none, or none of the right
 * form.
 */
export const restoreRecords = async (
  names: readonly string[],
  { cache, use }: RecordStore,
  { log, temporary }: RecordJob,
): Promise<Records<'cache'>> => {
  if (!use.read) return noRecords('cache')
  const folder = join(temporary, folderName)
  // No entry has exactly this key, since each key ends with a hash of the content.
  const find = (prefixes: readonly string[]) => cache.restore(folder, prefix, prefixes, cacheLimits.records)
  // The cache looks for all prefixes in this branch before it looks for any in the default branch. So the prefix of all
  // records is a request of its own.
  const entry = (await find(names.map(prefixOf))) ?? (await find([prefix]))
  if (entry === undefined) return noRecords('cache')
  try {
    const { size } = await stat(join(folder, fileName))
    if (size > limit) throw new Error(`they have ${size} bytes, and no run saves so many`)
    const records = parseCachedRecords(await readFile(join(folder, fileName), 'utf8'))
    log.info(`The Actions cache has records of ${counted(records.images.length, 'image')}, in ${entry}`)
    return records
  } catch (error) {
    cache.reject(folder, entry)
    const reason = messages(error).join(': ').slice(0, 500)
    log.notice(`The records in ${entry} of the Actions cache cannot be used: ${reason}.`)
    return noRecords('cache')
  }
}

/**
 * Saves records under the name that a later run with the same request looks for first. Leaves out images for which
 * there is no room. An entry never changes, so each content has its own key.
 */
export const saveRecords = async (
  all: Records<'cache'>,
  name: string,
  { cache, use }: RecordStore,
  { log, temporary }: RecordJob,
): Promise<void> => {
  if (!use.save) return
  const folder = join(temporary, folderName)
  const records = fittingRecords(all, limit)
  const left = all.images.length - records.images.length
  if (left > 0)
    log.info(`There is no room for the records of ${counted(left, 'image')}, which a later run builds again`)
  const text = printRecords(records)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, fileName), text)
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  const entry = await cache.save(folder, prefixOf(name) + digest, cacheLimits.records)
  if (entry !== undefined) log.info(`Saved records of ${counted(records.images.length, 'image')} as ${entry}`)
}

const folderName = 'nix-image-records'
const fileName = 'records.json'
