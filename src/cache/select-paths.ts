import type { PathInfo } from '../nix/path-info.ts'
import type { StorePath } from '../nix/store-path.ts'

/**
 * Which paths of a closure are worth an entry in the cache: those that another run can check, each with all that it references.
 * Where they are more than `limit` bytes as NARs, what only this action can give comes first, then what is small. In the
 * closure's order.
 */
export const selectPaths = (
  closure: readonly PathInfo[],
  { canSign, limit }: { readonly canSign: boolean; readonly limit: number },
): PathInfo[] => {
  const infos = new Map(closure.map((info) => [info.path, info]))
  const withReferences = (start: PathInfo): PathInfo[] => {
    const paths = new Set([start.path])
    for (const path of paths) for (const reference of infos.get(path)?.references ?? []) paths.add(reference)
    return [...paths].flatMap((path) => infos.get(path) ?? [])
  }
  const candidates = closure
    .map((info) => ({ info, all: withReferences(info) }))
    .filter(({ all }) => canSign || all.every(({ isProven }) => isProven))
    .map(({ info, all }) => ({ info, all, size: all.reduce((total, { narSize }) => total + narSize, 0) }))
    .sort((a, b) => Number(a.info.isProven) - Number(b.info.isProven) || a.size - b.size)
  const selected = new Set<StorePath>()
  let size = 0
  for (const { all } of candidates) {
    const added = all.filter(({ path }) => !selected.has(path))
    const addedSize = added.reduce((total, { narSize }) => total + narSize, 0)
    if (size + addedSize > limit) continue
    size += addedSize
    for (const { path } of added) selected.add(path)
  }
  return closure.filter(({ path }) => selected.has(path))
}
