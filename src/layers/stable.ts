import type { Closure, PathInfo } from '../graph/closure.ts'
import { packageName, type StorePath } from '../nix/store-path.ts'
import type { Partition } from './partition.ts'

/** Paths are of one level where their sizes differ by less than this factor. */
const levelWidth = 1.35

/** Roots of one level, where there are too many for a layer each. */
const rootLevelWidth = 3

/** Smaller roots are all of one level; bytes. */
const smallRoot = 30_000

/** A path that needs more paths than this, itself counted, changes often. */
const few = 8

/** Counting what a path needs ends here, so that it takes time in proportion to the size of the graph. */
const manyEnough = 64

/** More than the rank of any layer without a root. */
const rootsAbove = 1000

/** The share of the budget that goes to paths with a layer of their own. */
const aloneShare = 0.45

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
 * The layers come first that change least often for their bytes, if every path changes as often as any other; those with
 * roots come last. So little is above a layer that changes, which is what overlay2 pulls again.
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
  const rootLayers = budget >> 2
  const levels = bySize(members, ({ level }) => level)

  const layers: Member[][] = []
  let next = 0
  for (const most = Math.floor(budget * aloneShare); next < levels.length; next++) {
    const level = levels[next] ?? []
    if (layers.length + level.length > most) break
    for (const member of level) layers.push([member])
  }

  const apart = ({ isRoot }: Member): boolean => isRoot && rootLayers > 0
  const rest = levels.slice(next)
  const left = rest.flat().filter(apart)
  const roots =
    left.length <= rootLayers ? left.map((root) => [root]) : bySize(left, ({ narSize }) => rootLevelOf(narSize))
  const smallest = roots.length > rootLayers ? roots.splice(rootLayers - 1).flat() : []
  layers.push(...roots, ...(smallest.length > 0 ? [smallest] : []))

  const others = rest.map((level) => level.filter((member) => !apart(member))).filter(({ length }) => length > 0)
  const together = others.splice(0, budget - bins - layers.length)
  const binned = groupBy(others.flat(), ({ path }) => hash(packageName(path)) % bins)
  const shared = [...together, ...binned.values()]
  return [...layers, ...split(shared, budget - layers.length - shared.length)]
}

/** So many layers more, each by halving the biggest one by a hash of the names. */
const split = (layers: readonly Member[][], more: number): Member[][] => {
  const parts = layers.map((members) => partOf(members, 0))
  for (let left = more; left > 0; ) {
    const biggest = parts.reduce((a, b) => (a.weight >= b.weight ? a : b), partOf([], 0))
    if (biggest.weight === 0) break
    const halves = groupBy(biggest.members, ({ path }) => (hash(packageName(path)) >>> (31 - biggest.depth)) & 1)
    parts.splice(parts.indexOf(biggest), 1, ...[...halves.values()].map((half) => partOf(half, biggest.depth + 1)))
    left -= halves.size - 1
  }
  return parts.map(({ members }) => members)
}

type Part = { readonly members: Member[]; readonly depth: number; readonly weight: number }

/** Its weight is its bytes, where a hash of 32 bits can still halve it. */
const partOf = (members: Member[], depth: number): Part => ({
  members,
  depth,
  weight: members.length > 1 && depth < 32 ? members.reduce((size, { narSize }) => size + narSize, 0) : 0,
})

const membersOf = (closure: Closure): Member[] => {
  const roots = new Set(closure.roots)
  return [...closure.paths.values()].map((info) => {
    const isRoot = roots.has(info.path)
    const needs = countNeeds(info.path, closure)
    return { ...info, isRoot, needs, level: 2 * logarithm(info.narSize, levelWidth) + (needs > few ? 1 : 0) }
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

const orderOf = (layer: readonly Member[]): { rank: number; name: string } => {
  const needs = layer.reduce((total, member) => total + member.needs, 0)
  const size = layer.reduce((total, { narSize }) => total + narSize, 1)
  const [name = ''] = layer.map(({ path }) => `${packageName(path)} ${path}`).sort()
  // In steps of two, so that a small change of a size seldom changes the order. The names do not change with the hashes;
  // where they are equal, the paths decide.
  return { rank: Math.floor(Math.log2(needs / size)) + (layer.some(({ isRoot }) => isRoot) ? rootsAbove : 0), name }
}

/** The levels, the largest first. */
const bySize = (members: readonly Member[], levelOf: (member: Member) => number): Member[][] =>
  [...groupBy(members, levelOf)].sort(([a], [b]) => b - a).map(([, level]) => level)

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
