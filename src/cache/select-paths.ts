import type { PathInfo } from '../nix/path-info.ts'
import { isSigned, type PublicKeys } from '../nix/signature.ts'
import { isDerivation, type StorePath } from '../nix/store-path.ts'
import { cacheLimits } from './cache-limits.ts'

/**
 * A path that may be saved. `proven`: later runs can check it as it is. `made`: it has no trusted signature, but
 * evaluation makes it again in later runs, since it is content-addressed. `built`: only our own signature can prove it.
 */
export type Candidate = PathInfo & { readonly trust: 'proven' | 'made' | 'built' }

/**
 * The store paths of a closure with the reason to trust each. `publicSource` counts as proven, since later runs compute
 * its path from its content.
 */
export const candidates = (
  closure: readonly PathInfo[],
  keys: PublicKeys,
  publicSource: StorePath | undefined,
): Candidate[] =>
  closure.map((info) => ({
    ...info,
    trust: info.path === publicSource || isSigned(info, keys) ? 'proven' : info.isContentAddressed ? 'made' : 'built',
  }))

/** A candidate and everything that it references, directly or indirectly. */
export const closureOf = (start: Candidate, infos: ReadonlyMap<StorePath, Candidate>): Candidate[] => {
  const paths = new Set([start.path])
  for (const path of paths) for (const reference of infos.get(path)?.references ?? []) paths.add(reference)
  return [...paths].flatMap((path) => infos.get(path) ?? [])
}

export type Selection = {
  readonly canSign: boolean
  /** In bytes, as the total size of the NARs. */
  readonly limit: number
  /** Never saved. */
  readonly secret: StorePath | undefined
}

/**
 * Selects the paths of a closure that are worth saving: those that another run can check, together with all that they
 * reference. If they are larger than `limit`, paths that only this action can provide come first, then small ones. The
 * result is in the closure's order.
 */
export const selectPaths = (closure: readonly Candidate[], { canSign, limit, secret }: Selection): Candidate[] => {
  const infos = new Map(closure.map((info) => [info.path, info]))
  const isKept = ({ path, trust }: Candidate): boolean => path !== secret && (canSign || trust === 'proven')
  const ordered = closure
    .filter(isKept)
    .map((info) => ({ info, all: closureOf(info, infos) }))
    // A package may reference a derivation, but later runs reject an entry that contains or references one.
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
