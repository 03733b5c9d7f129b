import type { Closure } from '../graph/closure.ts'
import { aboveRoots, immediateDominators } from '../graph/dominators.ts'
import { type PopularityData, popularityOf } from '../graph/popularity.ts'
import type { StorePath } from '../nix/store-path.ts'
import type { Partition } from './partition.ts'

/** A path with at least this many bytes of its own has a layer, which also holds the paths that only it needs. */
const bigSize = 100_000_000

/**
 * A path that at least this many packages or images need, by the data, has a layer too. Nixery has the same two
 * numbers, and calls them a guess.
 */
const popular = 100

type Group = { readonly paths: readonly StorePath[]; readonly rating: number }

/**
 * Nixery's grouping (its `layers` package; tazjin's post "Nixery: Improved Layering Algorithm"). The paths that only
 * one package needs go into that package's layer: each subtree right under the root of the dominator tree is a group.
 * If there are more groups than `budget`, those with the lowest rating (popularity × size) are merged. The highest
 * rating comes first, since other images are most likely to start with that layer too.
 *
 * Differs from Nixery in three points, which made Nixery's layers change without a good reason. A path's size is its
 * own `narSize`; Nixery takes the size of its closure, which counts shared paths many times. A merged group is sorted
 * in again by its rating, so that no group ends up with everything. Ties are broken by store path.
 */
export const popularityLayers = (closure: Closure, budget: number, data: PopularityData): Partition => {
  const own = [...closure.paths.values()]
    .filter(({ path, narSize }) => narSize >= bigSize || popularityOf(path, data) >= popular)
    .map(({ path }) => path)
  return merge(subtrees(closure, own, data), budget)
    .reverse()
    .map(({ paths }) => paths.toSorted())
}

const subtrees = (closure: Closure, own: readonly StorePath[], data: PopularityData): Group[] => {
  const members = new Map<StorePath, StorePath[]>()
  const top = new Map<StorePath, StorePath>()
  // A dominator comes before the paths that it dominates, so its own subtree is known by then.
  for (const [path, dominator] of immediateDominators(closure, own)) {
    const head = dominator === aboveRoots ? path : (top.get(dominator) ?? path)
    top.set(path, head)
    const group = members.get(head)
    if (group) group.push(path)
    else members.set(head, [path])
  }
  return [...members].map(([head, paths]) => ({
    paths,
    rating: popularityOf(head, data) * paths.reduce((size, path) => size + (closure.paths.get(path)?.narSize ?? 0), 0),
  }))
}

const byRating = (a: Group, b: Group): number =>
  a.rating - b.rating || ((a.paths[0] ?? '') < (b.paths[0] ?? '') ? -1 : 1)

/** Merges groups of the lowest rating until there are at most `budget`. Returns the lowest rating first. */
const merge = (groups: Group[], budget: number): Group[] => {
  const sorted = groups.toSorted(byRating)
  while (sorted.length > budget) {
    const [lowest, next] = sorted.splice(0, 2)
    if (!lowest || !next) break
    const merged = { paths: [...lowest.paths, ...next.paths], rating: lowest.rating + next.rating }
    sorted.splice(placeFor(merged, sorted), 0, merged)
  }
  return sorted
}

const placeFor = (group: Group, sorted: readonly Group[]): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (byRating(sorted[middle] as Group, group) < 0) low = middle + 1
    else high = middle
  }
  return low
}
