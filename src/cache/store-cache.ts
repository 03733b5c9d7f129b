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
 * Store paths that earlier runs used. Trouble with them is told as a notice, and costs at most what is left of the
 * cache's time.
 */
export type StoreCache = {
  /**
   * Brings a tarball that the packages are evaluated from into the store, where the cache has it and the store does
   * not.
   */
  readonly restoreSource: (source: FetchedSource, nix: Nix) => Promise<void>
  /**
   * Brings into the store what the cache has of all that the derivation, or one that it needs, would give. Nothing
   * else.
   */
  readonly restoreOutputs: (derivation: StorePath, nix: Nix) => Promise<void>
  /** Saves what the derivations that it was asked about were built from and gave, if an earlier run has not. */
  readonly save: () => Promise<void>
}

export type StoreCacheOptions = {
  readonly key: StoreCacheKey
  readonly use: CacheUse
  /** Signs what was built here, so that later runs can check it; without it, only what others have signed is kept. */
  readonly signingKey: SigningKey | undefined
}

/** The name is a part of what entries are found by. */
const folderName = 'nix-image-store'

/** An entry and its key. */
type Opened = { readonly name: string; readonly entry: Entry }

/**
 * An entry is a binary cache in a folder. Whoever can save one may have made it: what it says is checked here before
 * Nix sees anything of it, and all of it is left alone if anything in it is not proven. An entry is made of what is in
 * the store, never of another entry. It stays in the job's folder until the run saves one, or ends.
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
  /** What this run used. */
  const derivations: StorePath[] = []
  let used: { readonly source: FetchedSource; readonly nix: Nix } | undefined
  /** Whether it makes sense to save anything, since a later run can use it. */
  let isOfUse = true

  /** Does the work while there is time, with a Nix that ends when there is none. */
  const limited = async (failed: string, slowNix: Nix, work: (nix: Nix, over: AbortSignal) => Promise<void>) => {
    await budget.within(failed, undefined, (over) =>
      work((program, args, options) => slowNix(program, args, { ...options, signal: over }), over),
    )
  }

  const keysOf = async (nix: Nix): Promise<PublicKeys> => {
    keys ??= parsePublicKeys([...(await trustedPublicKeys(nix)), ...(signingKey ? [signingKey.publicKey] : [])])
    return keys
  }

  /** Of an entry that is not as it should be nothing is used any more. */
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

  /** Imports what `wanted` names of the entry and what is not in the store yet. */
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
