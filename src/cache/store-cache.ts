import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messages } from '../error.ts'
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
import type { CacheUse } from './cache-use.ts'
import { selectPaths } from './select-paths.ts'
import { type StoreCacheKey, shortHash } from './store-cache-key.ts'

/** Store paths that earlier runs used. Trouble with them is told as a notice, and costs at most the deadline. */
export type StoreCache = {
  /** Brings what the cache has into the store, once; what Nix does not find proven stays out. */
  readonly restore: (nix: Nix) => Promise<void>
  /** Saves what these derivations were built from and gave, if an earlier run has not. */
  readonly save: (derivations: readonly StorePath[], source: FetchedSource, nix: Nix) => Promise<void>
}

export type StoreCacheTools = {
  readonly cache: ActionsCache
  readonly use: CacheUse
  /** Signs what was built here, so that later runs can check it; without it, only what others have signed is kept. */
  readonly signingKey: SigningKey | undefined
  readonly log: Log
  /** A folder that only this run can read. */
  readonly temporary: string
  readonly signal: AbortSignal
  /** Milliseconds for each of restoring and saving. */
  readonly deadline?: number
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
  const { cache, use, signingKey, log, temporary, signal, deadline = 30_000 } = tools
  let found: { readonly entry: string; readonly refused: boolean; readonly paths: ReadonlySet<string> } | undefined
  /** Whether it makes sense to save anything: a later run can use it, and there is time. */
  let isOfUse = true
  let restoring: Promise<void> | undefined

  /** Does the work until the deadline; `inTime` is a Nix that ends then, and `left` says how many milliseconds there are. */
  const limited = async (
    failed: string,
    work: (folder: string, inTime: (nix: Nix) => Nix, left: () => number) => Promise<void>,
  ): Promise<void> => {
    const start = performance.now()
    const left = (): number => Math.max(1, Math.round(deadline - (performance.now() - start)))
    const ends = AbortSignal.timeout(deadline)
    const folder = join(temporary, folderName)
    try {
      await work(folder, (nix) => (program, args) => nix(program, args, { signal: ends }), left)
    } catch (error) {
      signal.throwIfAborted()
      isOfUse = !ends.aborted
      const reason = ends.aborted ? `it took longer than ${deadline / 1000} s` : messages(error).join(': ')
      log.notice(`${failed}: ${reason}. The run goes on without it.`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  const restore = (nix: Nix): Promise<void> =>
    limited('No store paths were restored', async (folder, inTime, left) => {
      const [own, ...others] = key.prefixes
      const entry = await cache.restore(folder, own, [own, ...others], left())
      if (entry === undefined) return
      const paths = await pathsIn(folder)
      isOfUse = await importPaths(folder, paths, signingKey, inTime(nix))
      const refused = new Set(await invalidPaths(paths, nix))
      found = { entry, refused: refused.size > 0, paths: new Set(paths.filter((path) => !refused.has(path))) }
      log.info(`Restored ${found.paths.size} store paths of ${entry} from the Actions cache`)
      if (!isOfUse)
        log.notice(
          'The Nix daemon does not trust this user, so that no store paths are kept in the Actions cache; name the user in `trusted-users` of its nix.conf.',
        )
      else if (refused.size > 0)
        log.notice(
          `Nix refused ${refused.size} of ${paths.length} store paths in ${entry} of the Actions cache, since nothing that it trusts says that they are what they should be; one of them is ${[...refused][0]}.`,
        )
    })

  const save: StoreCache['save'] = (derivations, source, nix) =>
    limited('No store paths were saved', async (folder, inTime, left) => {
      const closure = await pathInfos(await usedPaths(derivations, source, inTime(nix)), inTime(nix))
      const selected = selectPaths(closure, { canSign: signingKey !== undefined, limit })
      if (selected.every(({ path }) => found?.paths.has(path))) return
      await exportPaths(folder, selected, signingKey, temporary, inTime(nix))
      const paths = selected.map(({ path }) => path).sort()
      const suffix = shortHash(...paths, signingKey?.publicKey ?? '', found?.refused ? found.entry : '')
      const entry = key.prefixes[0] + suffix
      if (!(await cache.save(folder, entry, left()))) return
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
