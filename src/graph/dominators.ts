import type { StorePath } from '../nix/store-path.ts'
import type { Closure } from './closure.ts'

/** The node above all roots, from which every store path can be reached. */
export const aboveRoots = Symbol('above the roots')

export type Dominator = StorePath | typeof aboveRoots

/**
 * The immediate dominator of every store path: the closest node that is on every way from `aboveRoots` to the path. The
 * paths of `hungUnderRoot` get an edge of their own from `aboveRoots`, so that no path dominates them.
 *
 * The algorithm is the iterative one of Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001). There
 * is no recursion, so a deep graph cannot overflow the stack.
 */
export const immediateDominators = (
  closure: Closure,
  hungUnderRoot: Iterable<StorePath>,
): ReadonlyMap<StorePath, Dominator> => {
  const entries = [...new Set([...closure.roots, ...hungUnderRoot])]
  const order = reversePostorder(closure, entries)
  const position = new Map(order.map((path, index) => [path, index + 1]))
  // Position 0 is `aboveRoots`, so that a dominator always has a smaller position than the paths that it dominates.
  const predecessors: number[][] = [[], ...order.map(() => [])]
  for (const path of entries) predecessors[position.get(path) ?? 0]?.push(0)
  for (const [index, path] of order.entries())
    for (const reference of closure.paths.get(path)?.references ?? [])
      predecessors[position.get(reference) ?? 0]?.push(index + 1)

  const dominator = new Int32Array(order.length + 1).fill(-1)
  dominator[0] = 0
  const meet = (a: number, b: number): number => {
    while (a !== b)
      if (a > b) a = dominator[a] ?? 0
      else b = dominator[b] ?? 0
    return a
  }
  for (let changed = true; changed; ) {
    changed = false
    for (let node = 1; node <= order.length; node++) {
      let best = -1
      for (const predecessor of predecessors[node] ?? [])
        if (dominator[predecessor] !== -1) best = best === -1 ? predecessor : meet(best, predecessor)
      if (dominator[node] !== best) {
        dominator[node] = best
        changed = true
      }
    }
  }
  return new Map(order.map((path, index) => [path, order[(dominator[index + 1] ?? 0) - 1] ?? aboveRoots]))
}

/** Every path once. A path comes before all paths that can be reached only through it. */
const reversePostorder = ({ paths }: Closure, entries: readonly StorePath[]): StorePath[] => {
  const seen = new Set<StorePath>()
  const postorder: StorePath[] = []
  const visit = (start: StorePath): void => {
    if (seen.has(start)) return
    seen.add(start)
    const stack = [{ path: start, next: 0 }]
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const reference = paths.get(top.path)?.references[top.next++]
      if (reference === undefined) {
        postorder.push(top.path)
        stack.pop()
      } else if (!seen.has(reference)) {
        seen.add(reference)
        stack.push({ path: reference, next: 0 })
      }
    }
  }
  for (const entry of entries) visit(entry)
  return postorder.reverse()
}
