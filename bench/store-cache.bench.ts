import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openActionsCache } from '../src/cache/actions-cache.ts'
import { cacheBudget } from '../src/cache/cache-budget.ts'
import { exportPaths } from '../src/cache/export-paths.ts'
import { importPaths } from '../src/cache/import-paths.ts'
import { readEntry } from '../src/cache/read-entry.ts'
import { candidates } from '../src/cache/select-paths.ts'
import { wantedPaths } from '../src/cache/wanted-paths.ts'
import { readContext } from '../src/inputs/context.ts'
import { fetchTarball } from '../src/nix/add-to-store.ts'
import { invalidPaths } from '../src/nix/check-validity.ts'
import type { Nix } from '../src/nix/nix.ts'
import { pathInfos } from '../src/nix/path-info.ts'
import { restrictNix } from '../src/nix/restrict.ts'
import { parsePublicKeys } from '../src/nix/signature.ts'
import { parseStorePath, type StorePath } from '../src/nix/store-path.ts'
import { trustedPublicKeys } from '../src/nix/trusted-keys.ts'
import { root } from '../test/support/action.ts'
import { startCacheService } from '../test/support/cache-service.ts'
import { debianSet } from '../test/support/debian-set.ts'
import { silentLog } from '../test/support/log.ts'
import { withNix } from '../test/support/nix.ts'
import { nixConfigFolder, pathWithNix } from '../test/support/nix-places.ts'
import { output } from '../test/support/process.ts'
import prepareTestWorld from '../test/support/test-world.ts'
import { startWebServer } from '../test/support/web-server.ts'
import { compare } from './measure.ts'

/**
 * Measures the time to fill an empty store: from upstream, in the formats of cache.nixos.org (xz) and GitHub (tar with
 * gzip), and from the Actions cache. Both are on loopback, although a real upstream is never that near. The packages
 * are Debian's; the source is a tree of generated files in the shape of nixpkgs.
 */

await prepareTestWorld()
const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-bench-'))
const env = { ...process.env, PATH: pathWithNix(), NIX_CONF_DIR: nixConfigFolder }
const at = (name: string): string => join(folder, name)
for (const name of ['upstream', 'ours'])
  await output('nix-store', ['--generate-binary-cache-key', `${name}-1`, at(name), at(`${name}.public`)])
await using upstream = await startWebServer({ '/': { folder } })
await using service = await startCacheService()

const config = `substituters = ${upstream.url}/cache/\ntrusted-public-keys = ${await readFile(at('upstream.public'), 'utf8')}`
let stores = 0
/** Returns the path of a new empty store, and removes the store before it. */
const emptyStore = async (): Promise<string> => {
  const last = at(`store-${stores}`)
  await mkdir(last, { recursive: true })
  await output('chmod', ['--recursive', 'u+w', last])
  await rm(last, { recursive: true })
  return at(`store-${++stores}`)
}
let store = ''
const prepare = async (): Promise<void> => {
  store = await emptyStore()
}
const inStore = <T>(work: (nix: Nix) => Promise<T>): Promise<T> => withNix(work, config, `local?root=${store}`)

const set = await debianSet()
const build = async (names: readonly string[]): Promise<StorePath[]> => {
  const expression = `with import ${set} { system = builtins.currentSystem; config = { }; overlays = [ ]; }; [ ${names.join(' ')} ]`
  const text = await output('nix-build', ['--no-out-link', '--expr', expression], { env })
  const paths = text
    .trim()
    .split('\n')
    .map((line) => parseStorePath(line, 'a package'))
  const to = `file://${at('cache')}?secret-key=${at('upstream')}&compression=xz&parallel-compression=true`
  await output('nix', ['copy', '--extra-experimental-features', 'nix-command', '--to', to, ...paths], { env })
  return paths
}

const files = 10_000
const makeSource = async (): Promise<void> => {
  for (let index = 0; index < files; index++) {
    const place = at(join('source', `${index % 200}`, `${index % 37}`))
    await mkdir(place, { recursive: true })
    // Sizes and words as in nixpkgs: many small files, some large ones.
    const size = 300 + ((index * 7919) % 40) ** 2 * 3
    const words = Array.from(
      { length: size / 12 },
      (_, word) => `${(index * 31 + word * 17) % 5000} inputs${word % 97}`,
    )
    await writeFile(join(place, `${index}.nix`), words.join('\n'))
  }
  await output('tar', ['--create', '--gzip', '--file', at('source.tar.gz'), '--directory', folder, 'source'])
}
await makeSource()

/** The Actions cache as a step sees it. */
const actionsCache = () => {
  const runner = { RUNNER_OS: 'Linux', RUNNER_ARCH: 'X64', RUNNER_TEMP: folder, GITHUB_WORKSPACE: folder }
  const { cacheService, childEnvironment } = readContext(
    { PATH: process.env['PATH'], ...runner, ...service.environment() },
    join(root, 'dist', 'index.js'),
  )
  const log = { ...silentLog, notice: (message: string) => console.log(message) }
  const time = cacheBudget({ log, signal }, 300_000)
  return {
    log,
    time,
    cache: openActionsCache(cacheService, time, {
      environment: childEnvironment,
      temporary: folder,
      log,
      secret: () => {},
      signal,
    }),
  }
}
const { signal } = new AbortController()

const measure = async (what: string, fetch: (nix: Nix) => Promise<readonly StorePath[]>): Promise<void> => {
  const prefix = `nix-image-store-${what}-`
  const { cache } = actionsCache()
  const place = at('nix-image-store')
  let saved = 0
  let wanted: ReadonlySet<StorePath> = new Set()
  await prepare()
  const [size, count] = await inStore(async (nix) => {
    const [source, ...roots] = await fetch(nix)
    const infos = await pathInfos([...(source ? [source] : []), ...roots], nix)
    wanted = new Set(infos.map(({ path }) => path))
    const closure = candidates(infos, parsePublicKeys(await trustedPublicKeys(nix)), source)
    const start = performance.now()
    await exportPaths(place, closure, closure, undefined, folder, nix)
    await cache.save(place, `${prefix}1`)
    saved = (performance.now() - start) / 1000
    await rm(place, { recursive: true })
    return [infos.reduce((total, { narSize }) => total + narSize, 0), infos.length]
  })
  /**
   * Restores as a run does, except that the wanted paths are known already; in a run, they come from the evaluation.
   */
  const restore = async (nix: Nix): Promise<void> => {
    await cache.restore(place, prefix, [prefix])
    const entry = await readEntry(place, parsePublicKeys(await trustedPublicKeys(nix)), false)
    const paths = await wantedPaths(entry, wanted, (paths) => invalidPaths(paths, nix))
    await importPaths(place, paths, folder, signal, restrictNix(nix, undefined))
    await rm(place, { recursive: true })
    if (paths.length !== count) throw new Error(`${paths.length} of ${count} paths were restored`)
  }
  const [entry] = service.entries.filter(({ key }) => key === `${prefix}1`)
  const bytes = entry ? (await service.read(entry)).length : 0
  await compare(
    `${what}: ${count} paths, ${(size / 1e6).toFixed(1)} MB, an entry of ${(bytes / 1e6).toFixed(1)} MB that took ${saved.toFixed(2)} s to save`,
    [
      { name: 'from upstream on loopback', prepare, work: () => inStore(async (nix) => void (await fetch(nix))) },
      { name: 'from the Actions cache on loopback', prepare, work: () => inStore(restore) },
    ],
    3,
  )
}

const realise = (paths: readonly StorePath[]) => async (nix: Nix) => {
  await nix('nix-store', ['--realise', ...paths])
  return paths
}
const tools = await build(['bash', 'coreutils', 'gnutar'])
const closure = await build(['bash', 'coreutils', 'git', 'jq', 'gnutar', 'cacert'])
await measure('source', async (nix) => [
  (await fetchTarball(nix, `${upstream.url}/source.tar.gz`, undefined, folder)).path,
])
await measure('tools', realise(tools))
await measure('closure', realise(closure))
await rm(folder, { recursive: true, force: true })
