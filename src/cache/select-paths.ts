import type { PathInfo } from '../nix/path-info.ts'
import { isSigned, type PublicKeys } from '../nix/signature.ts'
import { isDerivation, type StorePath } from '../nix/store-path.ts'
import { cacheLimits } from './cache-limits.ts'

/**
 * A path that may be kept. `proven`: later runs can check it as it is. `made`: nobody signed it, but later runs have it
 * without the cache, since evaluation brings what is named by its content. `built`: only a signature of ours can prove
 * it.
 */
export type Candidate = PathInfo & { readonly trust: 'proven' | 'made' | 'built' }

/** `publicSource` may be kept as it is, since later runs compute its path from its content. */
export const candidates = (
  closure: readonly PathInfo[],
  keys: PublicKeys,
  publicSource: StorePath | undefined,
): Candidate[] =>
  closure.map((info) => ({
    ...info,
    trust: info.path === publicSource || isSigned(info, keys) ? 'proven' : info.isContentAddressed ? 'made' : 'built',
  }))

/** A candidate with all that it references, and what that references. */
export const closureOf = (start: Candidate, infos: ReadonlyMap<StorePath, Candidate>): Candidate[] => {
  const paths = new Set([start.path])
  for (const path of paths) for (const reference of infos.get(path)?.references ?? []) paths.add(reference)
  return [...paths].flatMap((path) => infos.get(path) ?? [])
}

export type Selection = {
  readonly canSign: boolean
  /** In bytes, as NARs. */
  readonly limit: number
  /** Never to be kept. */
  readonly secret: StorePath | undefined
}

/**
 * Which paths of a closure are worth an entry in the cache: those that another run can check, as far as it can check
 * all that they reference. Where they are more than `limit`, what only this action can give comes first, then what is
 * small. In the closure's order.
 */
export const selectPaths = (closure: readonly Candidate[], { canSign, limit, secret }: Selection): Candidate[] => {
  const infos = new Map(closure.map((info) => [info.path, info]))
  const isKept = ({ path, trust }: Candidate): boolean => path !== secret && (canSign || trust === 'proven')
  const ordered = closure
    .filter(isKept)
    .map((info) => ({ info, all: closureOf(info, infos) }))
    // Where somebody asks for what a derivation is, no run would take the entry.
    .filter(({ all }) => all.every(({ path, trust }) => !isDerivation(path) && (canSign || trust !== 'built')))
    .map(({ info, all }) => ({ info, all: all.filter(isKept) }))
    .map(({ info, all }) => ({ info, all, size: all.reduce((total, { narSize }) => total + narSize, 0) }))
    .sort((a, b) => Number(a.info.trust === 'proven') - Number(b.info.trust === 'proven') || a.size - b.size)
  const selected = new Set<StorePath>()
  let size = 0
  for (const { all } of ordered) {
    const added = all.filter(({ path }) => !selected.has(path))
    const addedSize = added.reduce((total, { narSize }) => total + narSize, 0)
    if (size + addedSize > limit || selected.size + added.length > cacheLimits.narinfoFiles) continue
    size += addedSize
    for (const { path } of added) selected.add(path)
  }
  return closure.filter(({ path }) => selected.has(path))
}
