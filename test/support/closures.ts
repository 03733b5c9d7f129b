import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { type Closure, type ClosurePath, checkClosure } from '../../src/graph/closure.ts'
import type { StorePath } from '../../src/nix/store-path.ts'

/** The output of `exportReferencesGraph`, with the roots. */
export type RuntimeGraph = { readonly runtimeGraph: readonly ClosurePath[]; readonly roots: readonly StorePath[] }

/** The store path with this name. Paths are sorted as their names are. */
export const pathOf = (name: string): StorePath => `/nix/store/${'0'.repeat(32)}-${name}`

/** The name of a path that `pathOf` made. */
export const nameOf = (path: string): string => path.slice(pathOf('').length)

/** A different NAR hash for each text. */
export const narHashOf = (text: string): ClosurePath['narHash'] =>
  `sha256-${createHash('sha256').update(text).digest('base64')}`

type Node = { readonly size?: number; readonly needs?: readonly string[] }

/**
 * A closure for an example: the size of each path's NAR, and the names of the paths that it references, by its name.
 */
export const closureOf = (roots: readonly string[], nodes: Readonly<Record<string, Node>>): Closure =>
  checkClosure(
    withClosureSizes(
      Object.entries(nodes).map(([name, { size = 1, needs = [] }]) => ({
        path: pathOf(name),
        narSize: size,
        references: needs.map(pathOf),
      })),
    ),
    roots.map(pathOf),
  )

type OwnInfo = Pick<ClosurePath, 'path' | 'narSize' | 'references'>

const withClosureSizes = (infos: readonly OwnInfo[]): ClosurePath[] => {
  const byPath = new Map(infos.map((info) => [info.path, info]))
  const closureSizeOf = (path: StorePath): number => {
    const reached = new Set([path])
    let size = 0
    for (const next of reached) {
      const { narSize = 0, references = [] } = byPath.get(next) ?? {}
      size += narSize
      for (const reference of references) reached.add(reference)
    }
    return size
  }
  return infos.map((info) => ({ ...info, narHash: narHashOf(info.path), closureSize: closureSizeOf(info.path) }))
}

/** `length` paths, each of which references the next; one root. */
export const chain = (length: number): Closure => {
  const path = (index: number): StorePath => pathOf(String(index).padStart(6, '0'))
  const infos = Array.from({ length }, (_, index) => ({
    path: path(index),
    narHash: narHashOf(path(index)),
    narSize: 1,
    closureSize: length - index,
    references: index + 1 < length ? [path(index + 1)] : [],
  }))
  return checkClosure(infos, [path(0)])
}

/** Only a few names, so that popularity data has some of them. Some paths are big enough for a layer of their own. */
export const packageNames = ['bash', 'git', 'glibc', 'python3']

const node = fc.record({
  name: fc.constantFrom(...packageNames),
  narSize: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 50_000_000 }), fc.integer({ min: 99_999_999, max: 900_000_000 })),
  // References as distances to later paths of the list, so that the graph has no cycles.
  steps: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3, size: 'max' }),
  isRoot: fc.nat({ max: 7 }).map((pick) => pick === 7),
})

/** Graphs without cycles, whose roots reach every path. The order of the paths says nothing about the references. */
export const runtimeGraphs: fc.Arbitrary<RuntimeGraph> = fc
  .tuple(fc.array(node, { minLength: 1, maxLength: 24, size: 'max' }), fc.nat())
  .map(([nodes, seed]) => {
    const paths = nodes.map(({ name }, index): StorePath => {
      const digest = createHash('sha256').update(`${seed} ${index}`).digest('hex').slice(0, 32).replaceAll('e', 'z')
      return `/nix/store/${digest}-${name}-1.${index}`
    })
    const references = nodes.map(({ steps }, index) => steps.flatMap((step) => paths[index + step] ?? []))
    const referenced = new Set(references.flat())
    return {
      runtimeGraph: withClosureSizes(
        nodes.map(({ narSize }, index) => ({
          path: paths[index] as StorePath,
          narSize,
          references: references[index] ?? [],
        })),
      ),
      roots: paths.filter((path, index) => nodes[index]?.isRoot || !referenced.has(path)),
    }
  })

export const closures: fc.Arbitrary<Closure> = runtimeGraphs.map(({ runtimeGraph, roots }) =>
  checkClosure(runtimeGraph, roots),
)

/** The same graph with everything that has an order in another order. */
export const shuffled = ({ runtimeGraph, roots }: RuntimeGraph): fc.Arbitrary<RuntimeGraph> =>
  fc.record({
    runtimeGraph: inAnyOrder(runtimeGraph).chain((infos) =>
      fc.tuple(
        ...infos.map((info) => inAnyOrder(info.references).map((references): ClosurePath => ({ ...info, references }))),
      ),
    ),
    roots: inAnyOrder(roots),
  })

const inAnyOrder = <T>(items: readonly T[]): fc.Arbitrary<T[]> =>
  fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length })
