import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isNoSpace } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { counted, megabytes } from '../lib/units.ts'
import { invalidPaths } from '../nix/check-validity.ts'
import { isPublicSource } from '../nix/is-public-source.ts'
import type { Nix } from '../nix/nix.ts'
import { pathInfos } from '../nix/path-info.ts'
import { restrictNix, trustsUser } from '../nix/restrict.ts'
import { type PublicKeys, parsePublicKeys } from '../nix/signature.ts'
import type { SigningKey } from '../nix/signing-key.ts'
import type { FetchedSource } from '../nix/source.ts'
import { sourceStorePath } from '../nix/source-store-path.ts'
import type { StorePath } from '../nix/store-path.ts'
import { trustedPublicKeys } from '../nix/trusted-keys.ts'
import { possibleOutputs, usedPaths } from '../nix/used-paths.ts'
import type { ActionsCache } from './actions-cache.ts'
import type { CacheBudget } from './cache-budget.ts'
import { cacheLimits } from './cache-limits.ts'
import type { CacheUse } from './cache-use.ts'
import { exportPaths } from './export-paths.ts'
import { importPaths } from './import-paths.ts'
import { type Entry, readEntry } from './read-entry.ts'
import { candidates, selectPaths } from './select-paths.ts'
import { type StoreCacheKey, shortHash } from './store-cache-key.ts'
import { wantedPaths } from './wanted-paths.ts'

/**
 * Store paths that earlier runs used. Faults are logged as a notice, and cost at most the rest of the cache's time
 * budget.
 */
export type StoreCache = {
  /** Restores the tarball that the packages are evaluated from, if the cache has it and the store does not. */
  readonly restoreSource: (source: FetchedSource, nix: Nix) => Promise<void>
  /**
   * Restores the outputs of the derivation, and of all derivations that it needs, as far as the cache has them. Nothing
   * else.
   */
  readonly restoreOutputs: (derivation: StorePath, nix: Nix) => Promise<void>
  /**
   * Saves the source, and the inputs and outputs of the derivations that `restoreOutputs` was called with, unless the
   * restored entry has them all.
   */
  readonly save: () => Promise<void>
}

export type StoreCacheOptions = {
  readonly key: StoreCacheKey
  readonly use: CacheUse
  /**
   * Signs what was built here, so that later runs can check it. Without it, only paths that others signed are saved.
   */
  readonly signingKey: SigningKey | undefined
}

/** The name is part of what identifies an entry. */
const folderName = 'nix-image-store'

/** An entry with its key, `name`. */
type Opened = { readonly name: string; readonly entry: Entry }

/**
 * An entry is a binary cache in a folder. An attacker who can save entries may have made it: everything in it is
 * checked before Nix sees any of it, and if one part is not proven, nothing of it is used. A new entry is made of what
 * is in the store, never of another entry. The restored entry stays in the job's folder until the run saves one, or
 * ends.
 */
export const openStoreCache = (
  { key, use, signingKey }: StoreCacheOptions,
  cache: ActionsCache,
  budget: CacheBudget,
  { log, temporary }: Pick<Job, 'log' | 'temporary'>,
): StoreCache => {
  const folder = join(temporary, folderName)
  let opening: Promise<Opened | undefined> | undefined
  let keys: PublicKeys | undefined
  let isRejected = false
  /** The derivations and the source that this run used, to be saved. */
  const derivations: StorePath[] = []
  let used: { readonly source: FetchedSource; readonly nix: Nix } | undefined
  /** Whether a later run can use what this one saves. */
  let isOfUse = true

  /** Does the work within the time budget, with a Nix that is stopped when the budget is used up. */
  const limited = async (failed: string, slowNix: Nix, work: (nix: Nix, over: AbortSignal) => Promise<void>) => {
    await budget.within(failed, undefined, (over) =>
      work((program, args, options) => slowNix(program, args, { ...options, signal: over }), over),
    )
  }

  const keysOf = async (nix: Nix): Promise<PublicKeys> => {
    keys ??= parsePublicKeys([...(await trustedPublicKeys(nix)), ...(signingKey ? [signingKey.publicKey] : [])])
    return keys
  }

  /** A fault in an entry rejects the whole entry. */
  const rejecting = async <T>(name: string, over: AbortSignal, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      if (over.aborted || isNoSpace(cause)) throw cause
      isRejected = true
      cache.reject(folder, name)
      throw new Error(`the entry ${name} of the Actions cache is not one to trust`, { cause })
    }
  }

  const open = async (nix: Nix, over: AbortSignal): Promise<Opened | undefined> => {
    const [own, ...others] = key.prefixes
    const name = await cache.restore(folder, own, [own, ...others])
    if (name === undefined) return undefined
    isOfUse = await trustsUser(nix)
    if (!isOfUse) {
      log.notice(
        'The Nix daemon does not trust this user, so that no store paths are kept in the Actions cache; name the user in `trusted-users` of its nix.conf.',
      )
      return undefined
    }
    const keys = await keysOf(nix)
    const entry = await rejecting(name, over, () => readEntry(folder, keys, signingKey !== undefined))
    return { name, entry }
  }

  /** Imports the paths of the entry that are `wanted` and missing in the store. */
  const restore = async (slowNix: Nix, wanted: (nix: Nix) => Promise<ReadonlySet<StorePath>>): Promise<void> => {
    if (!use.read) return
    await limited('No store paths were restored', slowNix, async (nix, over) => {
      opening ??= open(nix, over)
      const opened = await opening
      if (!opened || isRejected) return
      const { name, entry } = opened
      const paths = await wantedPaths(entry, await wanted(nix), (paths) => invalidPaths(paths, nix))
      if (paths.length === 0) return
      await rejecting(name, over, () => importPaths(folder, paths, temporary, over, restrictNix(nix, signingKey)))
      log.info(`Restored ${counted(paths.length, 'store path')} of ${name} from the Actions cache`)
    })
  }

  const save = (source: FetchedSource, slowNix: Nix): Promise<void> =>
    limited('No store paths were saved', slowNix, async (nix) => {
      const sourcePath = sourceStorePath(source.narHash)
      const isPublic = isPublicSource(source) && (await invalidPaths([sourcePath], nix)).length === 0
      const paths = await usedPaths(derivations, nix)
      const infos = await pathInfos(isPublic ? [...paths, sourcePath] : paths, nix)
      const closure = candidates(infos, await keysOf(nix), isPublic ? sourcePath : undefined)
      const canSign = signingKey !== undefined
      const secret = isPublic ? undefined : sourcePath
      const selected = selectPaths(closure, { canSign, limit: cacheLimits.storePathBytes, secret })
      const entry = isRejected ? undefined : (await opening?.catch(() => undefined))?.entry
      if (selected.every(({ path }) => entry?.has(path))) return
      await exportPaths(folder, closure, selected, signingKey, temporary, nix)
      const suffix = shortHash(...selected.map(({ path }) => path).sort(), signingKey?.publicKey ?? '')
      const saved = await cache.save(folder, key.prefixes[0] + suffix)
      if (saved === undefined) return
      const size = selected.reduce((total, { narSize }) => total + narSize, 0)
      log.info(`Saved ${selected.length} store paths, ${megabytes(size)} unpacked, as ${saved}`)
      for (const [name, value] of Object.entries(key.parts)) log.info(`  ${name}: ${value}`)
    })

  return {
    restoreSource: (source, nix) => {
      used = { source, nix }
      const path = sourceStorePath(source.narHash)
      const isTarball = source.srcType === 'nixpkgs' || source.srcType === 'tarball'
      return isTarball ? restore(nix, async () => new Set([path])) : Promise.resolve()
    },
    restoreOutputs: (derivation, nix) => {
      derivations.push(derivation)
      return restore(nix, (nix) => possibleOutputs(derivation, nix))
    },
    save: async () => {
      if (use.save && isOfUse && used && derivations.length > 0)
        await save(used.source, used.nix).finally(() => rm(folder, { recursive: true, force: true }))
    },
  }
}
