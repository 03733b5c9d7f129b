import { count, list, parseJson, record, string } from '../lib/check.ts'
import { type NarHash, parseNarHash } from '../nix/nar-hash.ts'
import { parseStorePath, type StorePath } from '../nix/store-path.ts'

/** A store path of a closure. Sizes are in bytes. `references` does not hold the path itself. */
export type ClosurePath = {
  readonly path: StorePath
  readonly narHash: NarHash
  readonly narSize: number
  readonly closureSize: number
  readonly references: readonly StorePath[]
}

/**
 * Store paths with everything that they reference, by path in code unit order. `roots` are the paths that were asked
 * for.
 */
export type Closure = {
  readonly paths: ReadonlyMap<StorePath, ClosurePath>
  readonly roots: readonly StorePath[]
}

const storePath = (value: unknown, what: string): StorePath => parseStorePath(string(value, what), what)

const closurePath = (value: unknown, what: string): ClosurePath => {
  const fields = record(value, what)
  const path = storePath(fields['path'], `${what}.path`)
  return {
    path,
    narHash: parseNarHash(string(fields['narHash'], `${path}: narHash`), `${path}: narHash`),
    narSize: count(fields['narSize'], `${path}: narSize`),
    closureSize: count(fields['closureSize'], `${path}: closureSize`),
    references: [...new Set(list(storePath)(fields['references'], `${path}: references`))]
      .filter((reference) => reference !== path)
      .sort(),
  }
}

/**
 * Checks a runtime graph, which is the list that Nix's `exportReferencesGraph` makes, and its roots. Throws an `Error`
 * if anything is malformed, or if they are not a closure.
 */
export const checkClosure = (runtimeGraph: unknown, roots: unknown): Closure =>
  toClosure(list(closurePath)(runtimeGraph, 'runtimeGraph'), list(storePath)(roots, 'roots'))

/**
 * The closure of paths and roots. Throws an `Error` if a path is listed twice, if there is no root, if a reference or a
 * root is not among the paths (the image would lack it), or if a path cannot be reached from the roots (the image would
 * not need it).
 */
export const toClosure = (paths: readonly ClosurePath[], roots: readonly StorePath[]): Closure => {
  const infos = paths.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const closure: Closure = {
    paths: new Map(infos.map((info) => [info.path, info])),
    roots: [...new Set(roots)],
  }
  if (closure.paths.size !== infos.length) throw new Error('runtimeGraph names a store path twice')
  if (closure.roots.length === 0) throw new Error('roots is empty')

  const reached = new Set<StorePath>(closure.roots)
  for (const path of reached) {
    const info = closure.paths.get(path)
    if (!info) throw new Error(`runtimeGraph lacks ${path}, which a root or a reference names`)
    for (const reference of info.references) reached.add(reference)
  }
  const unneeded = infos.find((info) => !reached.has(info.path))
  if (unneeded) throw new Error(`runtimeGraph has ${unneeded.path}, which nothing references`)
  return closure
}

/** `checkClosure` for JSON text, `{ runtimeGraph, roots }`. */
export const parseClosure = (json: string): Closure => {
  const { runtimeGraph, roots } = record(parseJson(json, 'the runtime graph'), 'the runtime graph')
  return checkClosure(runtimeGraph, roots)
}

/** The size of all store paths as NARs, in bytes. */
export const closureSize = ({ paths }: Closure): number =>
  [...paths.values()].reduce((total, { narSize }) => total + narSize, 0)
