import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareMachineResult, runOnBareMachine } from '../support/bare-machine.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'
import { debianSet } from '../support/debian-set.ts'
import { nixConfigFolder, pathWithNix } from '../support/nix-places.ts'
import { nixReleaseTarball } from '../support/nix-release.ts'
import { output } from '../support/process.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

let folder: string
let releases: WebServer
let upstream: WebServer
let service: CacheService
let registry: Registry
let inputs: Record<string, string>
let first: BareMachineResult

const env = { ...process.env, PATH: pathWithNix(), NIX_CONF_DIR: nixConfigFolder }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  const at = (name: string): string => join(folder, name)
  const set = await debianSet()
  await output('tar', [
    ...['--create', '--gzip', '--dereference', '--file', at('set.tar.gz')],
    ...['--directory', join(set, '..'), set.slice(set.lastIndexOf('/') + 1)],
  ])
  for (const name of ['upstream', 'ours'])
    await output('nix-store', ['--generate-binary-cache-key', `${name}-1`, at(name), at(`${name}.public`)])
  const names = ['bash', 'coreutils', 'gnutar', 'jq', 'cacert', 'iana-etc']
  const expression = `with import ${set} { system = builtins.currentSystem; config = { }; overlays = [ ]; }; [ ${names.join(' ')} ]`
  const paths = (await output('nix-build', ['--no-out-link', '--expr', expression], { env })).trim().split('\n')
  const to = `file://${at('cache')}?secret-key=${at('upstream')}&compression=zstd`
  await output('nix', ['copy', '--extra-experimental-features', 'nix-command', '--to', to, ...paths], { env })
  const release = await nixReleaseTarball()
  releases = await startWebServer({ '/nix.tar.xz': { file: release.file }, '/set.tar.gz': { file: at('set.tar.gz') } })
  upstream = await startWebServer({ '/': { folder } })
  service = await startCacheService()
  registry = await startRegistry()
  const tarball = `${releases.url}/set.tar.gz`
  const hash = await output('nix-prefetch-url', ['--unpack', '--type', 'sha256', tarball], { env })
  const sri = await output('nix-hash', ['--to-base16', '--type', 'sha256', hash.trim()])
  inputs = {
    packages: 'bash coreutils jq',
    nixpkgs: `${tarball}#sha256-${Buffer.from(sri.trim(), 'hex').toString('base64')}`,
    tags: 'v1',
    'install-nix': 'always',
    'nix-url': `${releases.url}/nix.tar.xz`,
    'nix-sha256': release.sha256,
    'nix-config': `substituters = ${upstream.url}/cache/\ntrusted-public-keys = ${await readFile(at('upstream.public'), 'utf8')}`,
    'cache-signing-key': await readFile(at('ours'), 'utf8'),
  }
  first = await run()
}, 300_000)
afterAll(async () => {
  for (const part of [releases, upstream, service]) await part[Symbol.asyncDispose]()
  await registry.stop()
  await rm(folder, { recursive: true })
})

const run = (repository = 'warm'): Promise<BareMachineResult> =>
  runOnBareMachine(
    { ...inputs, image: `${registry.host}/${repository}` },
    { environment: service.environment(), event: { repository: { default_branch: 'main' } } },
  )

test('the first run on the default branch saves what it used, and says what the key is made of', () => {
  expect(first.exitCode, first.log).toBe(0)
  expect(service.entries.map(({ key }) => key)).toContainEqual(
    expect.stringMatching(/^nix-image-store-v2-auto-\w+-linux-[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]{16}$/),
  )
  expect(first.log).toMatch(/^Saved \d+ store paths, [\d.]+ MB unpacked, as nix-image-store-v2-auto-/m)
  expect(first.log).toMatch(/^ {2}packages: \["bash","coreutils","jq"/m)
})

test('the secret key is in no log and in no entry', async () => {
  const secret = (inputs['cache-signing-key'] ?? '').split(':')[1] ?? ''
  expect(
    first.log
      .split('\n')
      .filter((line) => !line.startsWith('::add-mask::'))
      .join('\n'),
  ).not.toContain(secret)
  for (const entry of service.entries) expect((await service.read(entry)).includes(secret)).toBe(false)
})

test('an empty machine with upstream down has every path from the cache but the source, which is not known to be public', async () => {
  await upstream[Symbol.asyncDispose]()
  const stores = () => service.entries.filter(({ key }) => key.startsWith('nix-image-store-'))
  const saved = stores().length
  // The other repository has no layer yet, but a record says what the source holds.
  const { exitCode, log, outputs } = await run('elsewhere')
  expect(exitCode, log).toBe(0)
  expect(outputs['digest']).toBe(first.outputs['digest'])
  expect(log).toMatch(/^Restored \d{2,} store paths of nix-image-store-v2-auto-/m)
  expect(log).not.toMatch(/^building '/m)
  // There is nothing new to save.
  expect(stores()).toHaveLength(saved)
})
