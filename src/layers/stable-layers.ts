import type { Closure, ClosurePath } from '../graph/closure.ts'
import { packageName, type StorePath, storePathName } from '../nix/store-path.ts'
import type { Partition } from './partition.ts'

// The constants were tuned with `npm run bench -- layers`, on the lists `tuned` of `bench/layers/corpora.ts`. The seeds
// were other ones than those that the bench has now.

/**
 * There are 8 classes of sizes. The first one ends at 80 kB, and each other one at 4 times the end of the one before.
 */
const classWidth = 4
const smallest = 20_000
const classes = 8

/**
 * A path counts as at most this many bytes, 1.3 GB, and as at least `smallest`. So the paths of one class differ by a
 * factor of 4 at most.
 */
const largest = smallest * classWidth ** classes

/**
 * A path that needs at least this many paths, itself included, is kept apart from the others: it changes more often.
 */
const many = 12

/** The count of needed paths ends here, so that the time for all counts is proportional to the size of the graph. */
const manyEnough = 64

/** A root counts as this many paths, since the named packages are the ones that change, come and go. */
const rootFactor = 256

/** More than the rank of any layer without a root. */
const rootsAbove = 1000

type Member = ClosurePath & { readonly isRoot: boolean; readonly needs: number; readonly place: string }

/**
 * The default layering, for images that follow each other: few bytes share a layer with a path that changes when they
 * do not. It uses nothing but the closure, and knows no other image.
 *
 * Each path has a place, a text made from its own name and size and from the number of paths that it needs. Paths are
 * alike if their places have the same beginning. At first, all paths are one group. As long as there may be more
 * layers, the heaviest group is cut in two at the first character that not all of its places share. So the cuts through
 * a group depend only on the paths in it. A path that comes adds at most seven cuts, and takes as many from other
 * groups if the budget is used up. A path that goes does the reverse. `docs/layering.md` has the proof.
 *
 * The layers that change least often for their bytes come first, if every path changes as often as any other; layers
 * with roots come last. So there is little above a layer that changes, all of which overlay2 pulls again.
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

/** `members` are sorted by place. `weight` is 0 if there is only one. */
type Group = { readonly members: readonly Member[]; readonly weight: number }

/**
 * All bytes of a group are pulled again when one of its paths changes; the more paths, the more often. They are also
 * pulled again when the group is cut and was not before, or the other way round. So bytes count to the fourth power: a
 * group that is close to being cut then has few bytes. With this weight, a path that comes adds at most seven cuts;
 * `docs/layering.md` has the proof.
 */
const groupOf = (members: readonly Member[]): Group => {
  const bytes = members.reduce((total, { narSize }) => total + Math.max(smallest, Math.min(narSize, largest)), 0)
  const changes = members.reduce((total, { isRoot }) => total + (isRoot ? rootFactor : 1), 0)
  return { members, weight: members.length > 1 ? bytes ** 4 * changes : 0 }
}

const cut = ({ members }: Group): [Group, Group] => {
  const [first = '', last = ''] = [members[0]?.place, members.at(-1)?.place]
  // Places are sorted, so all of them share the beginning that the first and the last one share.
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
 * The most important differences come first: whether the path is a root, whether it needs many paths, and its size. The
 * next part is a hash of the package's name, which any number of cuts divides evenly. Paths with the same hash, such as
 * the outputs of a package, differ by the whole name, and otherwise by the store path.
 */
const placeOf = ({ path, narSize }: ClosurePath, isRoot: boolean, needs: number): string => {
  const size = Math.floor(Math.log(Math.max(1, narSize / smallest)) / Math.log(classWidth))
  const name = binary(hash(packageName(path)), 32)
  return `${isRoot ? 'root' : 'other'} ${needs >= many ? 'many' : 'few'} ${binary(Math.min(size, classes - 1), 3)} ${name} ${storePathName(path)} ${path}`
}

/** The number of paths that this one needs, directly or not, itself included, but at most `manyEnough`. */
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
  // The rank is in steps of a factor of two, so that a small change of a size seldom changes the order. The name does
  // not change with the hashes; if two names are equal, the paths decide.
  return { rank: Math.floor(Math.log2(needs / size)) + (layer.some(({ isRoot }) => isRoot) ? rootsAbove : 0), name }
}

const binary = (value: number, digits: number): string => value.toString(2).padStart(digits, '0')

/** FNV-1a over UTF-16 code units. Its bits are mixed at the end, since cuts look at the high bits first. */
const hash = (text: string): number => {
  let state = 0x811c9dc5
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  state = Math.imul(state ^ (state >>> 16), 0x45d9f3b)
  return (state ^ (state >>> 16)) >>> 0
}
