import { execFileSync } from 'node:child_process'
import { cp, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashNar } from '../src/nix/nar.ts'
import { runAction } from '../test/support/action.ts'
import { startCacheService } from '../test/support/cache-service.ts'
import { countNix } from '../test/support/counted-nix.ts'
import { debianSet } from '../test/support/debian-set.ts'
import { nixConfigFolder } from '../test/support/nix-places.ts'
import { startRegistry } from '../test/support/registry.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'
import prepareTestWorld from '../test/support/test-world.ts'
import { startWebServer } from '../test/support/web-server.ts'

/**
 * Measures the cost of a run that changes little, against Debian's docker-registry and the cache service of the tests,
 * on loopback. The whole action runs as a process, with the Debian packages as a tarball of known hash, and with a
 * store of its own.
 */

await prepareTestWorld()
await using folder = await temporaryFolder('bench-reuse')
await using registry = await startRegistry()
await using service = await startCacheService()
await using nix = await countNix()
await using upstream = await startWebServer({ '/': { folder: folder.path } })

const set = join(folder.path, 'set')
await cp(await debianSet(), set, { recursive: true })
execFileSync('tar', ['--create', '--file', join(folder.path, 'set.tar'), '--directory', folder.path, 'set'])
execFileSync('gzip', ['-1', join(folder.path, 'set.tar')])
const nixpkgs = `${upstream.url}/set.tar.gz#${hashNar(set)}`

/** Runs a program with a folder in the place of `/nix`, as a store of its own. */
const inStore = 'mkdir -p /nix && mount --bind "$1" /nix && shift && exec "$@"'
let stores = 0
const emptyStore = (): string => join(folder.path, `store-${stores++}`)
// The cache keeps paths that were built here only if they are signed.
const key = join(folder.path, 'key')
const env = { ...process.env, NIX_CONF_DIR: nixConfigFolder }
execFileSync('nix-store', ['--generate-binary-cache-key', 'bench-1', key, `${key}.public`], { env })

type Metadata = {
  reused: string
  requests: number
  bytes: { uploaded: number; layers: number }
  platforms: { layers: { made: string }[] }[]
}
/** `otherRequests` are all requests but one for each layer. */
type Row = {
  what: string
  seconds: number
  nix: number
  otherRequests: number
  uploaded: number
  digest: string
  text: string
}

const measure = async (what: string, store: string, inputs: Record<string, string>, source = nixpkgs): Promise<Row> => {
  const before = nix.count()
  await mkdir(store, { recursive: true })
  const start = performance.now()
  const step = await runAction(
    {
      packages: 'bash coreutils git jq python3-minimal',
      image: `${registry.host}/reuse`,
      tags: 'v1',
      nixpkgs: source,
      // The builders of these packages use the host's programs, as one user.
      sandbox: 'off',
      'cache-signing-key': (await readFile(key, 'utf8')).trim(),
      ...inputs,
    },
    {
      environment: { PATH: nix.path, ...service.environment() },
      event: { repository: { default_branch: 'main' } },
      wrapper: ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', inStore, '-', store],
    },
  )
  const seconds = (performance.now() - start) / 1000
  if (step.exitCode !== 0) throw new Error(step.log)
  const { reused, requests, bytes, platforms } = JSON.parse(step.metadataFile) as Metadata
  const made = platforms.flatMap(({ layers }) => layers.map(({ made }) => made))
  const built = made.filter((made) => made === 'built').length
  const row = {
    what,
    seconds,
    nix: nix.count() - before,
    otherRequests: requests - made.length,
    uploaded: bytes.uploaded,
    digest: step.outputs['digest'] ?? '',
    text: `${reused}, ${built} of ${made.length} layers built`,
  }
  const cells = [
    what.padEnd(48),
    seconds.toFixed(2).padStart(8),
    `${row.nix}`.padStart(6),
    `${requests}`.padStart(9),
    (bytes.uploaded / 1e6).toFixed(3).padStart(10),
    ` ${row.text}`,
  ]
  console.log(cells.join(' '))
  return row
}

console.log(
  `${'run'.padEnd(48)} ${'seconds'.padStart(8)} ${'Nix'.padStart(6)} ${'requests'.padStart(9)} ${'MB sent'.padStart(10)}  reused`,
)
const store = emptyStore()
const cold = await measure('cold', store, {})
const again = await measure('the same again', store, {})
const label = await measure('with another label', store, { labels: 'a=b', tags: 'v2' })
const more = await measure('one package more', store, { packages: 'bash coreutils git jq python3-minimal tree' })
await measure('one package less', store, { packages: 'bash coreutils git jq' })
const digestOfLabel = (await measure('with that label, and nothing reused', store, { labels: 'a=b', reuse: 'false' }))
  .digest

console.log('\nan empty store, another repository, no reuse of layers:')
const building = await measure('building all', emptyStore(), { image: `${registry.host}/other`, cache: 'false' })
// The repository has no layers. A record knows what the source holds, but the cache keeps only sources that are nixpkgs
// itself, so this one is downloaded.
const restored = await measure('with a warm cache', emptyStore(), {
  image: `${registry.host}/third`,
  cache: 'read',
})

const check = (what: string, holds: boolean): void => console.log(`${holds ? 'yes' : 'NO '}  ${what}`)
console.log('')
check('the same again has the digest of the cold run', again.digest === cold.digest)
check('another label has the digest that a cold run with it has', label.digest === digestOfLabel)
check(`the same again takes at most 1.0 s (${again.seconds.toFixed(2)} s)`, again.seconds <= 1)
check(
  `and at most a tenth of the cold run (${(again.seconds / cold.seconds).toFixed(3)})`,
  again.seconds <= cold.seconds / 10,
)
check('neither starts Nix', again.nix + label.nix === 0)
check(
  'each asks the registry once for each layer, and at most 10 times besides',
  Math.max(again.otherRequests, label.otherRequests) <= 10,
)
check(
  `one package more sends at most a quarter of the cold run (${(more.uploaded / cold.uploaded).toFixed(3)})`,
  more.uploaded <= cold.uploaded / 4,
)
check(
  `an empty store with a warm cache is faster than building (${(restored.seconds / building.seconds).toFixed(2)} ×)`,
  restored.seconds < building.seconds,
)
