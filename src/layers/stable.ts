import type { Closure, PathInfo } from '../graph/closure.ts'
import { packageName, type StorePath } from '../nix/store-path.ts'
import type { Partition } from './partition.ts'

/** Paths are of one level where their sizes differ by less than this factor. */
const levelWidth = 1.3

/** Roots of one level, where there are too many for a layer each. */
const rootLevelWidth = 3

/** Smaller roots are all of one level; bytes. */
const smallRoot = 30_000

/** How much bigger a root counts than it is: it changes when anything does, so nothing else should be with it. */
const rootWeight = 4

/** A path that needs more paths than this, itself counted, changes often. */
const few = 8

/** Counting what a path needs ends here, so that it takes time in proportion to the size of the graph. */
const manyEnough = 64

/** The share of the budget that goes to paths with a layer of their own. */
const aloneShare = 0.65

type Member = PathInfo & { readonly isRoot: boolean; readonly needs: number; readonly level: number }

/**
 * The default layering, for images that follow each other: few bytes share a layer with something that changes when they do
 * not. It knows no image but this one, and nothing that is not in the closure.
 *
 * Paths fall into levels by size, from the largest: first levels whose paths have a layer each, then levels that are one
 * layer, and what is left goes into bins chosen by a hash of the package's name. The roots that are too small for a layer of
 * their own share layers with each other only. Where a path goes depends on its own size and name and on what it needs, not
 * on its place among the others, so that paths that come and go move the border between the parts and nothing else.
 *
 * The layers whose paths need the fewest others come first, those with roots last.
 */
export const stableLayers = (closure: Closure, budget: number): Partition => {
  const members = membersOf(closure)
  const layers = members.length <= budget ? members.map((member) => [member]) : group(members, budget)
  return layers
    .map((layer) => ({ paths: layer.map(({ path }) => path).sort(), order: orderOf(layer) }))
    .sort((a, b) => a.order.rank - b.order.rank || (a.order.name < b.order.name ? -1 : 1))
    .map(({ paths }) => paths)
}

const group = (members: readonly Member[], budget: number): Member[][] => {
  const bins = Math.max(1, budget >> 4)
  const rootLayers = budget >> 3
  const levels = [...groupBy(members, ({ level }) => level)].sort(([a], [b]) => b - a).map(([, level]) => level)

  const layers: Member[][] = []
  let next = 0
  for (const most = Math.floor(budget * aloneShare); next < levels.length; next++) {
    const level = levels[next] ?? []
    if (layers.length + level.length > most) break
    for (const member of level) layers.push([member])
  }

  const apart = ({ isRoot }: Member): boolean => isRoot && rootLayers > 0
  const rest = levels.slice(next)
  const roots = rest.flatMap((level) => level.filter(apart))
  layers.push(...groupBy(roots, ({ narSize }) => Math.min(rootLevelOf(narSize), rootLayers - 1)).values())

  const others = rest.map((level) => level.filter((member) => !apart(member))).filter(({ length }) => length > 0)
  const together = others.splice(0, budget - bins - layers.length)
  const binned = groupBy(others.flat(), ({ path }) => hash(packageName(path)) % bins)
  return [...layers, ...together, ...binned.values()]
}

const membersOf = (closure: Closure): Member[] => {
  const roots = new Set(closure.roots)
  return [...closure.paths.values()].map((info) => {
    const isRoot = roots.has(info.path)
    const needs = countNeeds(info.path, closure)
    const size = logarithm(info.narSize * (isRoot ? rootWeight : 1), levelWidth)
    return { ...info, isRoot, needs, level: 2 * size + (needs > few ? 1 : 0) }
  })
}

/** Paths that this one needs, directly or not, itself counted, up to `manyEnough`. */
const countNeeds = (path: StorePath, { paths }: Closure): number => {
  const reached = new Set([path])
  for (const next of reached)
    for (const reference of paths.get(next)?.references ?? []) {
      reached.add(reference)
      if (reached.size >= manyEnough) return manyEnough
    }
  return reached.size
}

const orderOf = (layer: readonly Member[]): { rank: number; name: string } => ({
  rank: layer.reduce((rank, { isRoot, needs }) => Math.max(rank, isRoot ? manyEnough + needs : needs), 0),
  // The names do not change with the hashes; where they are equal, the paths decide.
  name: layer.map(({ path }) => `${packageName(path)} ${path}`).reduce((a, b) => (a < b ? a : b)),
})

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => number): Map<number, T[]> => {
  const groups = new Map<number, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}

const rootLevelOf = (size: number): number => Math.max(0, logarithm(size / smallRoot, rootLevelWidth))

const logarithm = (value: number, base: number): number => Math.floor(Math.log(Math.max(1, value)) / Math.log(base))

/** FNV-1a over UTF-16 code units, with its bits mixed, since the low ones decide. */
const hash = (text: string): number => {
  let state = 0x811c9dc5
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  state = Math.imul(state ^ (state >>> 16), 0x45d9f3b)
  return (state ^ (state >>> 16)) >>> 0
}
