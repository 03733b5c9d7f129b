import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ActionsCache } from '../../src/cache/actions-cache.ts'
import { cacheBudget } from '../../src/cache/cache-budget.ts'
import { openStoreCache, type StoreCache, type StoreCacheOptions } from '../../src/cache/store-cache.ts'
import { parseSigningKey } from '../../src/inputs/signing-key.ts'
import { invalidPaths } from '../../src/nix/check-validity.ts'
import { publicEndpoints } from '../../src/nix/endpoints.ts'
import { parseNarHash } from '../../src/nix/nar-hash.ts'
import type { Nix } from '../../src/nix/nix.ts'
import { pathInfos } from '../../src/nix/path-info.ts'
import type { SigningKey } from '../../src/nix/signing-key.ts'
import type { FetchedSource } from '../../src/nix/source.ts'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { usedPaths } from '../../src/nix/used-paths.ts'
import { silentLog } from './log.ts'
import { evaluate, pin, smallSet, withNix } from './nix.ts'
import { output } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * The effect of an entry on an empty store: the paths that are valid in it afterwards, sorted, and the messages to the
 * user.
 */
export type Restored = { readonly restored: readonly StorePath[]; readonly said: readonly string[] }

/** A run that built `derivation` in its own store, with operations on what it used. */
export type FirstRun = AsyncDisposable & {
  readonly derivation: StorePath
  readonly fetched: FetchedSource
  /** Built, and not signed. */
  readonly image: StorePath
  /** Signed upstream. */
  readonly pkg: StorePath
  readonly library: StorePath
  /** Content-addressed. */
  readonly source: StorePath
  /** These and all other used paths, sorted. */
  readonly all: readonly StorePath[]
  /** The URL of its store. */
  readonly store: string
  /** A folder for entries and stores. */
  readonly folder: string
  /** The URL of a new store without any path. */
  emptyStore(): string
  /** Copies the derivation into a store, as evaluation does. */
  copyDerivation(nix: Nix): Promise<void>
  inStore<T>(store: string, work: (nix: Nix) => Promise<T>): Promise<T>
  /** Opens a store cache with our signing key, and checks afterwards that it leaves no file. */
  open<T>(
    cache: ActionsCache,
    work: (store: StoreCache, said: string[]) => Promise<T>,
    tools?: Partial<StoreCacheOptions> & { readonly limit?: number },
  ): Promise<T>
  /**
   * Saves what the run used, by default from its own store and with its own source. Returns the folder of the entry.
   */
  save(
    name: string,
    tools?: Partial<StoreCacheOptions>,
    changes?: { store?: string; fetched?: FetchedSource },
  ): Promise<string>
  /**
   * Restores an entry into a store that has only what evaluation copies. Throws an `Error` if a restored path has other
   * content than in this run's store.
   */
  restore(entry: string, tools?: Partial<StoreCacheOptions>): Promise<Restored>
  /** The file with the secret key `upstream-1`, `ours-1`, or `evil-1`, which no run trusts. */
  secretFile(name: string): string
}

const key = { parts: {}, prefixes: ['store-image-packages-', 'store-image-', 'store-'] } as const

/** The Actions cache of a machine, with one entry, which is a folder. */
export const cacheOf = (entry: string): ActionsCache => ({
  restore: async (to) => {
    await cp(entry, to, { recursive: true, verbatimSymlinks: true })
    return 'store-image-packages-0'
  },
  reject: () => {},
  save: async (from, key) => {
    await cp(from, entry, { recursive: true })
    return key
  },
})

export const storePaths = (text: string): StorePath[] =>
  text
    .split('\n')
    .filter((line) => line)
    .map((line) => parseStorePath(line, 'a line'))

const publicUrl = `${publicEndpoints.github}/NixOS/nixpkgs/archive/${'0'.repeat(40)}.tar.gz`

const need = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Error(`there is no ${what}`)
  return value
}

const hashOf = (path: string): Promise<string> => output('nix-hash', ['--type', 'sha256', path])

export const firstRun = async (): Promise<FirstRun> => {
  await using starting = new AsyncDisposableStack()
  const folder = starting.use(await temporaryFolder('store-cache')).path
  const secretFile = (name: string): string => join(folder, `${name}.secret`)
  const newKey = async (name: string): Promise<SigningKey> => {
    const file = join(folder, `${name}.public`)
    await output('nix-store', ['--generate-binary-cache-key', name, secretFile(name), file])
    const problems: string[] = []
    const read = parseSigningKey(await readFile(secretFile(name), 'utf8'), (problem) => problems.push(problem))
    if (read?.publicKey !== (await readFile(file, 'utf8'))) throw new Error(`the key is not read: ${problems}`)
    return read
  }
  const [upstream, ours] = await Promise.all([newKey('upstream-1'), newKey('ours-1'), newKey('evil-1')])
  const inStore: FirstRun['inStore'] = (store, work) =>
    withNix(work, `substituters =\ntrusted-public-keys = ${upstream.publicKey}`, store)
  const remote = (name: string): string => `local?root=${join(folder, name)}`

  const store = remote('first')
  const derivation = await evaluate(['tree'])
  const fromPath = await pin({ type: 'path', path: smallSet })
  const { used, outputs } = await withNix(async (nix) => {
    await nix('nix-store', ['--realise', derivation])
    const used = await usedPaths([derivation], nix)
    const copy = (...what: string[]) => nix('nix', ['copy', '--no-check-sigs', '--to', store, ...what])
    await copy(...used)
    await copy('--derivation', derivation)
    return { used, outputs: storePaths(await nix('nix-store', ['--query', '--outputs', derivation])) }
  })
  const folderOfSource = join(folder, 'source')
  await mkdir(folderOfSource)
  await writeFile(join(folderOfSource, 'default.nix'), '{ }')
  const { source, others, fetched, all } = await inStore(store, async (nix) => {
    const [source] = storePaths(await nix('nix-store', ['--add-fixed', '--recursive', 'sha256', folderOfSource]))
    const path = need(source, 'source')
    const narHash = parseNarHash((await nix('nix-store', ['--query', '--hash', path])).trim(), 'the hash')
    const fetched: FetchedSource = { ...fromPath, srcType: 'nixpkgs', srcArgs: { url: publicUrl }, narHash }
    const pathsOf = async (roots: readonly StorePath[]) => (await pathInfos(roots, nix)).map(({ path }) => path)
    const others = (await pathsOf(used)).filter((path) => !outputs.includes(path))
    await nix('nix', ['store', 'sign', '--key-file', secretFile('upstream-1'), ...others])
    const all = (await pathsOf([...(await usedPaths([derivation], nix)), path])).sort()
    return { source: path, others, fetched, all }
  })
  const honest = new Map<StorePath, string>()
  for (const path of all) honest.set(path, await hashOf(join(folder, 'first', path)))

  const open: FirstRun['open'] = async (cache, work, { limit, ...options } = {}) => {
    await using temporary = await temporaryFolder('run of 100%25?')
    const said: string[] = []
    const log = { ...silentLog, notice: (message: string) => said.push(message) }
    const { signal } = new AbortController()
    const result = await work(
      openStoreCache(
        { key, use: { read: true, save: true }, signingKey: ours, ...options },
        cache,
        cacheBudget({ log, signal }, limit),
        { log, temporary: temporary.path },
      ),
      said,
    )
    // The entry may stay until the run ends or saves another one.
    const left = (await readdir(temporary.path)).filter((name) => name !== 'nix-image-store')
    if (left.length > 0) throw new Error(`the store cache leaves ${left}`)
    return result
  }
  let stores = 0
  const emptyStore = (): string => remote(`empty-${stores++}`)
  const pkg = need(
    others.find((path) => path.includes('-tree-')),
    'package',
  )
  const copyDerivation: FirstRun['copyDerivation'] = async (nix) =>
    void (await nix('nix', ['copy', '--derivation', '--no-check-sigs', '--from', store, derivation]))
  const running = starting.move()
  return {
    ...{ derivation, fetched, source, all, store, folder, pkg, emptyStore, inStore, open, secretFile, copyDerivation },
    image: need(
      outputs.find((path) => !path.includes('symlink')),
      'image',
    ),
    library: need(
      others.find((path) => path !== pkg),
      'library',
    ),
    save: async (name, tools, changes = {}) => {
      const entry = join(folder, name)
      const said = await open(
        cacheOf(entry),
        async (cache, said) => {
          await inStore(changes.store ?? store, async (nix) => {
            await cache.restoreSource(changes.fetched ?? fetched, nix)
            await cache.restoreOutputs(derivation, nix)
            await cache.save()
          })
          return said
        },
        { use: { read: false, save: true }, ...tools },
      )
      if (said.length > 0) throw new Error(`saving says ${said}`)
      return entry
    },
    restore: async (entry, tools) => {
      const store = emptyStore()
      const root = store.slice('local?root='.length)
      return open(
        cacheOf(entry),
        (cache, said) =>
          inStore(store, async (nix) => {
            const valid = async (): Promise<StorePath[]> => {
              const names = await readdir(join(root, 'nix', 'store')).catch(() => [])
              const there = names
                .filter((name) => /^[0-9a-z]{32}-/.test(name) && !name.endsWith('.lock'))
                .map((name) => parseStorePath(`/nix/store/${name}`, name))
              const invalid = await invalidPaths(there, nix)
              return there.filter((path) => !invalid.includes(path)).sort()
            }
            await copyDerivation(nix)
            const evaluated = await valid()
            await cache.restoreSource(fetched, nix)
            await cache.restoreOutputs(derivation, nix)
            const restored = (await valid()).filter((path) => !evaluated.includes(path))
            for (const path of restored)
              if ((await hashOf(join(root, path))) !== honest.get(path))
                throw new Error(`${path} is not what it should be`)
            return { restored, said }
          }),
        tools,
      )
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** The narinfo file of a path in a binary cache. */
export const narinfo = (entry: string, path: StorePath): string =>
  join(entry, `${path.slice('/nix/store/'.length).slice(0, 32)}.narinfo`)
