import type { ClosurePath } from '../graph/closure.ts'
import { count, list, record, string } from '../lib/check.ts'
import { parseNarHash } from '../nix/nar-hash.ts'
import { parseStorePath, type StorePath } from '../nix/store-path.ts'

/**
 * Writes the store paths of many closures as JSON. Closures have most of their paths in common, and name each of them
 * often. So each name, and each path with its references, is written once, and its place in a list is used everywhere
 * else.
 */
export type PathWriter = {
  readonly name: (path: StorePath) => number
  readonly info: (info: ClosurePath) => number
  /** Everything written so far, as a JSON value. */
  readonly table: () => unknown
}

/** Both functions read a list of places in the table. */
export type PathReader = {
  readonly names: (places: unknown, what: string) => StorePath[]
  readonly infos: (places: unknown, what: string) => ClosurePath[]
}

const folder = '/nix/store/'

export const pathWriter = (): PathWriter => {
  const names = new Map<string, number>()
  const infos = new Map<string, number>()
  const placeOf = (places: Map<string, number>, text: string): number => {
    const place = places.get(text) ?? places.size
    places.set(text, place)
    return place
  }
  const name = (path: StorePath): number => placeOf(names, path.slice(folder.length))
  return {
    name,
    info: ({ path, narHash, narSize, closureSize, references }) =>
      placeOf(infos, JSON.stringify([name(path), narHash, narSize, closureSize, references.map(name)])),
    table: () => ({ names: [...names.keys()], infos: [...infos.keys()].map((text) => JSON.parse(text)) }),
  }
}

/**
 * Reads the table that `table` of a writer made. Throws an `Error` that names what is malformed; both functions that it
 * returns do so too.
 */
export const pathReader = (value: unknown, what: string): PathReader => {
  const fields = record(value, what)
  const names = entriesOf(list(storePath)(fields['names'], `${what}.names`), `${what}.names`)
  const infos = list((value, what) => closurePath(value, what, names))(fields['infos'], `${what}.infos`)
  return { names, infos: entriesOf(infos, `${what}.infos`) }
}

/** There are hundreds of thousands of places, so the name of one is made only for an error. */
const entriesOf =
  <T>(entries: readonly T[], table: string) =>
  (places: unknown, what: string): T[] => {
    return list((place) => place)(places, what).map((place, index) => {
      const entry = typeof place === 'number' ? entries[place] : undefined
      if (entry === undefined)
        throw new Error(`${what}[${index}] is ${JSON.stringify(place)}, and ${table} has ${entries.length}`)
      return entry
    })
  }

const storePath = (value: unknown, what: string): StorePath => parseStorePath(folder + string(value, what), what)

const closurePath = (value: unknown, what: string, names: PathReader['names']): ClosurePath => {
  const [place, narHash, narSize, closureSize, references] = list((field) => field)(value, what)
  const [path] = names([place], what) as [StorePath]
  return {
    path,
    narHash: parseNarHash(string(narHash, `${what}[1]`), `${what}[1]`),
    narSize: count(narSize, `${what}[2]`),
    closureSize: count(closureSize, `${what}[3]`),
    references: [...new Set(names(references, `${what}[4]`))].filter((other) => other !== path).sort(),
  }
}
