import type { Closure, ClosurePath } from '../graph/closure.ts'
import { packageName, type StorePath, storePathName } from '../nix/store-path.ts'
import type { Partition } from './partition.ts'

// The constants were tuned with `npm run bench -- layers`, on the lists `tuned` of `bench/layers/corpora.ts` and on
// other seeds than it has now.

/**
 * Paths are of one of 8 classes by size: the first one ends at 80 kB, each other one at 4 times as much as the one
 * before.
 */
const classWidth = 4
const smallest = 20_000
const classes = 8

/**
 * Bytes that a path counts as at the most, 1.3 GB; `smallest` is the least. So those of a class differ by 4 times at
 * the most.
 */
const largest = smallest * classWidth ** classes

/** A path that needs so many, itself counted, is apart from those that need fewer: it changes more often. */
const many = 12

/** Counting what a path needs ends here, so that it takes time in proportion to the size of the graph. */
const manyEnough = 64

/** A package that was named counts as so many paths: it is what changes, comes and goes. */
const rootFactor = 256

/** More than the rank of any layer without a root. */
const rootsAbove = 1000

type Member = ClosurePath & { readonly isRoot: boolean; readonly needs: number; readonly place: string }

/**
 * The default layering, for images that follow each other: few bytes share a layer with something that changes when
 * they do not. It knows no image but this one, and nothing that is not in the closure.
 *
 * Each path has a place, a text that follows from its own name and size and from how much it needs; paths with the same
 * beginning are alike. All paths are one group first. As long as there may be more layers, the heaviest group is cut in
 * two at the first character that not all of its places share. So where the cuts are depends on the paths of a group
 * alone, and not on the others; a path that comes or goes adds or removes seven cuts at the most, and as many where the
 * budget runs out.
 *
 * The layers come first that change least often for their bytes, if every path changes as often as any other; those
 * with roots come last. So little is above a layer that changes, which is what overlay2 pulls again.
 */
export const stableLayers = (closure: Closure, budget: number): Partition => {
  const groups = [groupOf(membersOf(closure).sort((a, b) => (a.place < b.place ? -1 : 1)))]
  while (groups.length < budget) {
    const heaviest = groups.reduce((a, b) => (a.weight >= b.weight ? a : b))
    if (heaviest.weight === 0) break
    groups.splice(groups.indexOf(heaviest), 1, ...cut(heaviest))
  }
  return groups
    .map(({ members }) => ({ paths: members.map(({ path }) => path).sort(), order: orderOf(members) }))
    .sort((a, b) => a.order.rank - b.order.rank || (a.order.name < b.order.name ? -1 : 1))
    .map(({ paths }) => paths)
}

/** Members by place. The weight is 0 where there is only one. */
type Group = { readonly members: readonly Member[]; readonly weight: number }

/**
 * All bytes of a group are pulled again when one of its paths changes; that is, the more paths, the more often. They
 * are also pulled when the group is cut and was not before, or the other way round, which is why the bytes count so
 * much more: what is near to being cut has few of them.
 *
 * How many cuts a package brings that comes: it is 4 times as large as another of its class at the most. Where it makes
 * a group heavy enough to be cut that has n others of its class, a group around it that k more of them and p of other
 * classes are in was not only if (n + 4)^4 (n + 1) >= (n + k)^4 (n + k + p). So k is 3 at the most, and 2 where p is
 * more than 1; p is 4 at the most, as many as there are characters before the hash behind the first one. With its own,
 * that makes 7 cuts.
 */
const groupOf = (members: readonly Member[]): Group => {
  const bytes = members.reduce((total, { narSize }) => total + Math.max(smallest, Math.min(narSize, largest)), 0)
  const changes = members.reduce((total, { isRoot }) => total + (isRoot ? rootFactor : 1), 0)
  return { members, weight: members.length > 1 ? bytes ** 4 * changes : 0 }
}

const cut = ({ members }: Group): [Group, Group] => {
  const [first = '', last = ''] = [members[0]?.place, members.at(-1)?.place]
  // Places are in order, so that what the first and the last share, all do.
  let shared = 0
  while (first[shared] === last[shared]) shared++
  const second = members.findIndex(({ place }) => place[shared] !== first[shared])
  return [groupOf(members.slice(0, second)), groupOf(members.slice(second))]
}

const membersOf = (closure: Closure): Member[] => {
  const roots = new Set(closure.roots)
  return [...closure.paths.values()].map((info) => {
    const isRoot = roots.has(info.path)
    const needs = countNeeds(info.path, closure)
    return { ...info, isRoot, needs, place: placeOf(info, isRoot, needs) }
  })
}

/**
 * What is most unlike comes first: whether somebody named it, whether it needs many, its size; then a hash of the
 * package's name, which any number of cuts divides evenly; for those that have it in common, as the outputs of a
 * package, the whole name. The store path is there for what is left.
 */
const placeOf = ({ path, narSize }: ClosurePath, isRoot: boolean, needs: number): string => {
  const size = Math.floor(Math.log(Math.max(1, narSize / smallest)) / Math.log(classWidth))
  const name = binary(hash(packageName(path)), 32)
  return `${isRoot ? 'root' : 'other'} ${needs >= many ? 'many' : 'few'} ${binary(Math.min(size, classes - 1), 3)} ${name} ${storePathName(path)} ${path}`
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
  // In steps of two, so that a small change of a size seldom changes the order. The names do not change with the
  // hashes; where they are equal, the paths decide.
  return { rank: Math.floor(Math.log2(needs / size)) + (layer.some(({ isRoot }) => isRoot) ? rootsAbove : 0), name }
}

const binary = (value: number, digits: number): string => value.toString(2).padStart(digits, '0')

/** FNV-1a over UTF-16 code units, with its bits mixed, since the high ones decide. */
const hash = (text: string): number => {
  let state = 0x811c9dc5
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  state = Math.imul(state ^ (state >>> 16), 0x45d9f3b)
  return (state ^ (state >>> 16)) >>> 0
}
