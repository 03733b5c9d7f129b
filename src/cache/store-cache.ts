import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError } from '../command.ts'
import { messages } from '../error.ts'
import type { SigningKey } from '../inputs/signing-key.ts'
import type { Log } from '../log.ts'
import { invalidPaths } from '../nix/check-validity.ts'
import type { Nix } from '../nix/nix.ts'
import { type PathInfo, pathInfos } from '../nix/path-info.ts'
import { parseStorePath, type StorePath } from '../nix/store-path.ts'
import { megabytes } from '../units.ts'
import type { ActionsCache } from './actions-cache.ts'
import type { CacheUse } from './cache-use.ts'
import { selectPaths } from './select-paths.ts'
import { type StoreCacheKey, shortHash } from './store-cache-key.ts'

/** Store paths that earlier runs used. Trouble with them is told as a notice, and costs at most the deadline. */
export type StoreCache = {
  /** Brings what the cache has into the store; what Nix does not find proven stays out. */
  readonly restore: (nix: Nix) => Promise<void>
  /** Saves what these paths need, if an earlier run has not. */
  readonly save: (used: readonly StorePath[], nix: Nix) => Promise<void>
}

export type StoreCacheTools = {
  readonly cache: ActionsCache
  readonly use: CacheUse
  /** Signs what was built here, so that later runs can check it; without it, only what others have signed is kept. */
  readonly signingKey: SigningKey | undefined
  readonly log: Log
  /** A folder that only this run can read. */
  readonly temporary: string
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
  const { cache, use, signingKey, log, temporary, deadline = 30_000 } = tools
  let found: { readonly entry: string; readonly refused: boolean; readonly paths: ReadonlySet<string> } | undefined
  let isTrusted = true

  /** Deadline and all: `work` is told how many milliseconds are left whenever it asks. */
  const limited = async (failed: string, work: (left: () => number) => Promise<void>): Promise<void> => {
    const start = performance.now()
    const left = (): number => Math.max(1, Math.round(deadline - (performance.now() - start)))
    try {
      await work(left)
    } catch (error) {
      const reason = left() === 1 ? `it took longer than ${deadline / 1000} s` : messages(error).join(': ')
      log.notice(`${failed}: ${reason}. The run goes on without it.`)
    } finally {
      await rm(join(temporary, folderName), { recursive: true, force: true })
    }
  }

  return {
    restore: async (nix) => {
      if (!use.read) return
      await limited('No store paths were restored', async (left) => {
        const folder = join(temporary, folderName)
        const [own, ...others] = key.prefixes
        const entry = await cache.restore(folder, own, [own, ...others], left())
        if (entry === undefined) return
        const paths = await pathsIn(folder)
        const signal = AbortSignal.timeout(left())
        const imported = await importPaths(folder, paths, signingKey, (program, args) => nix(program, args, { signal }))
        isTrusted = imported.isTrusted
        const refused = new Set(await invalidPaths(paths, nix))
        found = { entry, refused: refused.size > 0, paths: new Set(paths.filter((path) => !refused.has(path))) }
        log.info(`Restored ${found.paths.size} store paths of ${entry} from the Actions cache`)
        if (!isTrusted)
          log.notice(
            'The Nix daemon does not trust this user, so that no store paths are kept in the Actions cache; name the user in `trusted-users` of its nix.conf.',
          )
        else if (refused.size > 0)
          log.notice(
            `Nix refused ${refused.size} of ${paths.length} store paths in ${entry} of the Actions cache, since nothing that it trusts says that they are what they should be: ${[...refused][0]} …`,
          )
      })
    },

    save: async (used, nix) => {
      if (!use.save || !isTrusted) return
      await limited('No store paths were saved', async (left) => {
        const signal = AbortSignal.timeout(left())
        const limitedNix: Nix = (program, args) => nix(program, args, { signal })
        const closure = await pathInfos(used, limitedNix)
        const selected = selectPaths(closure, { canSign: signingKey !== undefined, limit })
        if (selected.every(({ path }) => found?.paths.has(path))) return
        const folder = join(temporary, folderName)
        await exportPaths(folder, selected, signingKey, temporary, limitedNix)
        const paths = selected.map(({ path }) => path).sort()
        const suffix = shortHash(...paths, signingKey?.publicKey ?? '', found?.refused ? found.entry : '')
        const entry = key.prefixes[0] + suffix
        if (!(await cache.save(folder, entry, left()))) return
        const size = selected.reduce((total, { narSize }) => total + narSize, 0)
        log.info(`Saved ${selected.length} store paths, ${megabytes(size)} unpacked, as ${entry}`)
        for (const [name, value] of Object.entries(key.parts)) log.info(`  ${name}: ${value}`)
      })
    },
  }
}

/** The paths that a binary cache says it has. Throws an `Error` if it is none. */
const pathsIn = async (folder: string): Promise<StorePath[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.narinfo')).sort()
  const paths: StorePath[] = []
  for (const name of names) {
    const [, line = ''] = /^StorePath: (.*)$/m.exec(await readFile(join(folder, name), 'utf8')) ?? []
    const path = parseStorePath(line, `StorePath in ${name}`)
    if (!path.startsWith(`/nix/store/${name.slice(0, -'.narinfo'.length)}-`))
      throw new Error(`${name} is about ${path}`)
    paths.push(path)
  }
  return paths
}

/**
 * Has Nix fetch the paths from the folder, one by one: a path that it refuses does not stop the others. It is the only
 * substituter for that, and what is wrong with it has no consequence for what is built afterwards.
 */
const importPaths = async (
  folder: string,
  paths: readonly StorePath[],
  signingKey: SigningKey | undefined,
  nix: Nix,
): Promise<{ readonly isTrusted: boolean }> => {
  const settings = {
    substitute: 'true',
    substituters: `file://${folder}`,
    'require-sigs': 'true',
    // Without it, one damaged file would end the fetching of all.
    fallback: 'true',
    ...(signingKey && { 'extra-trusted-public-keys': signingKey.publicKey }),
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
  try {
    if (paths.length > 0) await nix('nix-store', ['--realise', '--keep-going', ...options, ...paths])
    return { isTrusted: true }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return { isTrusted: !/ignoring .*(untrusted|not a trusted user)/.test(error.stderr) }
  }
}

const exportPaths = async (
  folder: string,
  selected: readonly PathInfo[],
  signingKey: SigningKey | undefined,
  temporary: string,
  nix: Nix,
): Promise<void> => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  const copy = (paths: readonly PathInfo[], parameters: string): Promise<unknown> =>
    nix('nix', ['copy', '--to', `file://${folder}?${parameters}`, ...paths.map(({ path }) => path)])
  const compression = 'compression=zstd&parallel-compression=true'
  const proven = new Map(selected.filter(({ isProven }) => isProven).map((info) => [info.path, info]))
  const isClosed = ({ path, references }: PathInfo): boolean =>
    references.every((reference) => reference === path || proven.has(reference))
  for (let before = -1; before !== proven.size; ) {
    before = proven.size
    for (const info of proven.values()) if (!isClosed(info)) proven.delete(info.path)
  }
  // What has a signature keeps that one alone.
  if (proven.size > 0) await copy([...proven.values()], compression)
  if (!signingKey || proven.size === selected.length) return
  const file = join(temporary, 'cache-signing-key')
  await writeFile(file, signingKey.secretKey, { mode: 0o600, flag: 'wx' })
  try {
    await copy(selected, `${compression}&secret-key=${file}`)
  } finally {
    await rm(file)
  }
}
