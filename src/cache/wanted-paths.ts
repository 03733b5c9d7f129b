import type { StorePath } from '../nix/store-path.ts'
import type { Narinfo } from './narinfo.ts'
import type { Entry } from './read-entry.ts'

/**
 * Selects the paths of an entry to import, each after its references: the wanted ones that are not valid in the store
 * and whose references would all be there. `invalidPaths` returns those of the given paths that are not valid.
 */
export const wantedPaths = async (
  entry: Entry,
  wanted: ReadonlySet<StorePath>,
  invalidPaths: (paths: readonly StorePath[]) => Promise<readonly StorePath[]>,
): Promise<Narinfo[]> => {
  const asked = [...entry.values()].filter(({ path }) => wanted.has(path))
  const named = new Set(asked.flatMap(({ path, references }) => [path, ...references]))
  const missing = new Set(await invalidPaths([...named]))
  const ordered: Narinfo[] = []
  let waiting = asked.filter(({ path }) => missing.has(path))
  for (let before = -1; before !== waiting.length; ) {
    before = waiting.length
    waiting = waiting.filter((info) => {
      const isReady = info.references.every((reference) => reference === info.path || !missing.has(reference))
      if (!isReady) return true
      missing.delete(info.path)
      ordered.push(info)
      return false
    })
  }
  return ordered
}
