import { isCount, parseJson, record } from '../check.ts'
import { packageName, type StorePath, storePathName } from '../nix/store-path.ts'

/** How many packages or images need one of this name, by name with or without its version. */
export type PopularityData = ReadonlyMap<string, number>

/** A path's popularity; 1 where the data does not know it. */
export const popularityOf = (path: StorePath, data: PopularityData): number =>
  data.get(storePathName(path)) ?? data.get(packageName(path)) ?? 1

/** As many wrong names as help to find the others. */
const shown = 3

/**
 * Reads what Nixery calls popularity data: a JSON object, name to count. The names are in code unit order, whatever their
 * order was. Throws an `Error` if it is something else.
 */
export const parsePopularity = (json: string): PopularityData => {
  const entries = Object.entries(record(parseJson(json, 'the popularity data'), 'the popularity data'))
  const wrong = entries.filter(([, value]) => !isCount(value))
  if (wrong.length > 0) {
    const examples = wrong.slice(0, shown).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    const more = wrong.length > shown ? ` and ${wrong.length - shown} more` : ''
    throw new Error(`the popularity data has ${examples.join(', ')}${more}, where whole numbers from 0 should be`)
  }
  return new Map((entries as [string, number][]).sort(([a], [b]) => (a < b ? -1 : 1)))
}
