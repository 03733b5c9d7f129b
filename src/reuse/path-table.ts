import { count, list, record, string } from '../check.ts'
import type { PathInfo } from '../graph/closure.ts'
import { parseNarHash } from '../nix/nar-hash.ts'
import { parseStorePath, type StorePath } from '../nix/store-path.ts'

/**
 * Store paths of many closures, for JSON. Closures have most of their paths in common, and name each of them often: here each
 * name and each path with its references is written once, and stands for its place in a list everywhere else.
 */
export type PathWriter = {
  readonly name: (path: StorePath) => number
  readonly info: (info: PathInfo) => number
  /** What was written so far, as a value for JSON. */
  readonly table: () => unknown
}

export type PathReader = {
  readonly name: (place: unknown, what: string) => StorePath
  readonly info: (place: unknown, what: string) => PathInfo
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

/** Reads what a writer's `table` made. Throws an `Error` that names what is malformed; so do both functions that it returns. */
export const pathReader = (value: unknown, what: string): PathReader => {
  const fields = record(value, what)
  const names = list(storePath)(fields['names'], `${what}.names`)
  const name = entry(names, `${what}.names`)
  const infos = list((value, what) => pathInfo(value, what, name))(fields['infos'], `${what}.infos`)
  return { name, info: entry(infos, `${what}.infos`) }
}

const entry =
  <T>(entries: readonly T[], table: string) =>
  (place: unknown, what: string): T => {
    const found = entries[count(place, what)]
    if (found === undefined) throw new Error(`${what} is ${place}, and ${table} has ${entries.length}`)
    return found
  }

const storePath = (value: unknown, what: string): StorePath => parseStorePath(folder + string(value, what), what)

const pathInfo = (value: unknown, what: string, name: PathReader['name']): PathInfo => {
  const [place, narHash, narSize, closureSize, references] = list((field) => field)(value, what)
  const path = name(place, `${what}[0]`)
  return {
    path,
    narHash: parseNarHash(string(narHash, `${what}[1]`), `${what}[1]`),
    narSize: count(narSize, `${what}[2]`),
    closureSize: count(closureSize, `${what}[3]`),
    references: [...new Set(list(name)(references, `${what}[4]`))].filter((other) => other !== path).sort(),
  }
}
