import { isCount, isRecord, parseJson } from '../lib/check.ts'
import { packageName, type StorePath, storePathName } from '../nix/store-path.ts'

/** How many packages or images need one of this name, by name with or without its version. */
export type PopularityData = ReadonlyMap<string, number>

/** A path's popularity; 1 where the data does not know it. */
export const popularityOf = (path: StorePath, data: PopularityData): number =>
  data.get(storePathName(path)) ?? data.get(packageName(path)) ?? 1

/** As many wrong names as help to find the others. */
const shown = 3

/**
 * Reads what Nixery calls popularity data: a JSON object, name to count. The names are in code unit order, whatever
 * their order was. Throws an `Error` if it is something else.
 */
export const parsePopularity = (json: string): PopularityData => {
  const data = parseJson(json, 'the popularity data')
  if (!isRecord(data)) throw new Error('the popularity data is no object')
  const entries = Object.entries(data)
  const wrong = entries.filter(([, value]) => !isCount(value))
  if (wrong.length > 0) {
    // Not what is there: the file may be a link to one of the machine's own.
    const examples = wrong.slice(0, shown).map(([name]) => JSON.stringify(name.slice(0, 80)))
    const more = wrong.length > shown ? ` and ${wrong.length - shown} more` : ''
    throw new Error(`the popularity data has no whole number from 0 at ${examples.join(', ')}${more}`)
  }
  return new Map((entries as [string, number][]).sort(([a], [b]) => (a < b ? -1 : 1)))
}
