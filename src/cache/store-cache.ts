import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SigningKey } from '../inputs/signing-key.ts'
import type { Log } from '../log.ts'
import { invalidPaths } from '../nix/check-validity.ts'
import type { Nix } from '../nix/nix.ts'
import { pathInfos } from '../nix/path-info.ts'
import type { FetchedSource } from '../nix/source.ts'
import type { StorePath } from '../nix/store-path.ts'
import { usedPaths } from '../nix/used-paths.ts'
import { megabytes } from '../units.ts'
import type { ActionsCache } from './actions-cache.ts'
import { exportPaths, importPaths, pathsIn } from './binary-cache.ts'
import type { CacheTime } from './cache-time.ts'
import type { CacheUse } from './cache-use.ts'
import { selectPaths } from './select-paths.ts'
import { type StoreCacheKey, shortHash } from './store-cache-key.ts'

/** Store paths that earlier runs used. Trouble with them is told as a notice, and costs at most what is left of the cache's time. */
export type StoreCache = {
  /** Brings what the cache has into the store, once; what Nix does not find proven stays out. */
  readonly restore: (nix: Nix) => Promise<void>
  /** Saves what these derivations were built from and gave, if an earlier run has not. */
  readonly save: (derivations: readonly StorePath[], source: FetchedSource, nix: Nix) => Promise<void>
}

export type StoreCacheTools = {
  readonly cache: ActionsCache
  readonly time: CacheTime
  readonly use: CacheUse
  /** Signs what was built here, so that later runs can check it; without it, only what others have signed is kept. */
  readonly signingKey: SigningKey | undefined
  readonly log: Log
  /** A folder that only this run can read. */
  readonly temporary: string
}

/** In bytes, as NARs; compressed it is about a third. A repository's caches may be 10 GB in all. */
const limit = 1_500_000_000

/** The name is a part of what entries are found by. */
const folderName = 'nix-image-store'

/**
 * An entry is a binary cache in a folder. Nothing in it is believed: Nix takes from it what has the signature of a key that was trusted
 * before, or of `signingKey`, and what is named by its content. An entry is made of what is in the store, never of another entry.
 */
export const openStoreCache = (key: StoreCacheKey, tools: StoreCacheTools): StoreCache => {
  const { cache, time, use, signingKey, log, temporary } = tools
  let found: ReadonlySet<string> | undefined
  /** Whether it makes sense to save anything, since a later run can use it. */
  let isOfUse = true
  let restoring: Promise<void> | undefined

  /** Does the work while there is time; `inTime` is a Nix that ends when there is none. */
  const limited = async (
    failed: string,
    work: (folder: string, inTime: (nix: Nix) => Nix) => Promise<void>,
  ): Promise<void> => {
    const folder = join(temporary, folderName)
    await time.within(failed, undefined, async (over) => {
      try {
        await work(folder, (nix) => (program, args, options) => nix(program, args, { ...options, signal: over }))
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })
  }

  const restore = (slowNix: Nix): Promise<void> =>
    limited('No store paths were restored', async (folder, inTime) => {
      const nix = inTime(slowNix)
      const [own, ...others] = key.prefixes
      const entry = await cache.restore(folder, own, [own, ...others])
      if (entry === undefined) return
      const paths = await pathsIn(folder).catch((error) => {
        cache.distrust(folder, entry)
        throw error
      })
      isOfUse = await importPaths(folder, paths, signingKey, nix)
      const refused = new Set(await invalidPaths(paths, nix))
      found = new Set(paths.filter((path) => !refused.has(path)))
      log.info(`Restored ${found.size} store paths of ${entry} from the Actions cache`)
      if (!isOfUse)
        log.notice(
          'The Nix daemon does not trust this user, so that no store paths are kept in the Actions cache; name the user in `trusted-users` of its nix.conf.',
        )
      else if (refused.size > 0) {
        cache.distrust(folder, entry)
        log.notice(
          `Nix refused ${refused.size} of ${paths.length} store paths in ${entry} of the Actions cache, since nothing that it trusts says that they are what they should be; one of them is ${[...refused][0]}.`,
        )
      }
    })

  const save = (derivations: readonly StorePath[], source: FetchedSource, slowNix: Nix): Promise<void> =>
    limited('No store paths were saved', async (folder, inTime) => {
      const nix = inTime(slowNix)
      const closure = await pathInfos(await usedPaths(derivations, source, nix), nix)
      const selected = selectPaths(closure, { canSign: signingKey !== undefined, limit })
      if (selected.every(({ path }) => found?.has(path))) return
      await exportPaths(folder, selected, signingKey, temporary, nix)
      const paths = selected.map(({ path }) => path).sort()
      const suffix = shortHash(...paths, signingKey?.publicKey ?? '')
      const entry = await cache.save(folder, key.prefixes[0] + suffix)
      if (entry === undefined) return
      const size = selected.reduce((total, { narSize }) => total + narSize, 0)
      log.info(`Saved ${selected.length} store paths, ${megabytes(size)} unpacked, as ${entry}`)
      for (const [name, value] of Object.entries(key.parts)) log.info(`  ${name}: ${value}`)
    })

  return {
    restore: async (nix) => {
      restoring ??= use.read ? restore(nix) : Promise.resolve()
      await restoring
    },
    save: async (derivations, source, nix) => {
      if (use.save && isOfUse && derivations.length > 0) await save(derivations, source, nix)
    },
  }
}
