import { isCount, isRecord, parseJson } from '../lib/check.ts'
import { packageName, type StorePath, storePathName } from '../nix/store-path.ts'

/** The number of packages or images that need a package, by its name with or without its version. */
export type PopularityData = ReadonlyMap<string, number>

/** A path's popularity; 1 if the data does not have it. */
export const popularityOf = (path: StorePath, data: PopularityData): number =>
  data.get(storePathName(path)) ?? data.get(packageName(path)) ?? 1

/** Wrong names that an error shows; a few are enough to find the others. */
const shown = 3

/**
 * Parses what Nixery calls popularity data: a JSON object of counts by name. Sorts the names in code unit order. Throws
 * an `Error` if the text is anything else.
 */
export const parsePopularity = (json: string): PopularityData => {
  const data = parseJson(json, 'the popularity data')
  if (!isRecord(data)) throw new Error('the popularity data is no object')
  const entries = Object.entries(data)
  const wrong = entries.filter(([, value]) => !isCount(value))
  if (wrong.length > 0) {
    // The values are not shown: the file may be a link to a file of this machine.
    const examples = wrong.slice(0, shown).map(([name]) => JSON.stringify(name.slice(0, 80)))
    const more = wrong.length > shown ? ` and ${wrong.length - shown} more` : ''
    throw new Error(`the popularity data has no whole number from 0 at ${examples.join(', ')}${more}`)
  }
  return new Map((entries as [string, number][]).sort(([a], [b]) => (a < b ? -1 : 1)))
}
