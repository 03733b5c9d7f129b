import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { endedChannel } from '../src/nix/ended-channel.ts'
import type { Outcome } from '../src/report/outcome.ts'
import { type CacheService, startCacheService } from './support/cache-service.ts'
import { type PackageSources, startPackageSources } from './support/package-sources.ts'
import { type Registry, startRegistry } from './support/registry.ts'
import { runHere } from './support/run-here.ts'

/** A source is downloaded and hashed once, however `nixpkgs` names it. Then a run that changes nothing needs no Nix. */

let sources: PackageSources
let registry: Registry
let cache: CacheService

beforeAll(async () => {
  sources = await startPackageSources()
  registry = await startRegistry()
  cache = await startCacheService()
})
afterAll(async () => {
  await cache[Symbol.asyncDispose]()
  await registry.stop()
  await sources[Symbol.asyncDispose]()
})
beforeEach(() => cache.clear())

type Run = { outcome: Outcome; downloads: string[]; cacheCalls: string[]; usedNix: boolean; told: string[] }

let repository = 0
const push = async (nixpkgs: string, inputs: Record<string, string> = {}): Promise<Run> => {
  const asked = sources.server.requests.length
  const called = cache.calls.length
  const told: string[] = []
  const image = `${registry.host}/source-records-${repository}`
  const outcome = await runHere(
    { packages: 'tree', nixpkgs, image, tags: 'v1', ...inputs },
    { endpoints: sources.endpoints, environment: cache.environment(), told: (message) => told.push(message) },
  )
  return {
    ...{ outcome, told, cacheCalls: cache.calls.slice(called) },
    downloads: sources.server.requests
      .slice(asked)
      .flatMap(({ path }) => (/tar\.gz$|^\/git\/objects\//.test(path) ? [path] : [])),
    usedNix: 'install' in outcome.timings,
  }
}

const lockFile = async (locked: Record<string, string>, original: Record<string, string> = {}): Promise<string> => {
  const file = join(sources.folder, 'flake.lock')
  const nodes = { root: { inputs: { nixpkgs: 'a' } }, a: { locked: { ...locked, narHash: sources.narHash }, original } }
  await writeFile(file, JSON.stringify({ version: 7, root: 'root', nodes }))
  return file
}

const kinds: [string, () => string | Promise<string>][] = [
  ['a channel', () => 'nixos-25.11'],
  ['a commit', () => sources.revision],
  ['a commit with its hash', () => `${sources.revision}#${sources.narHash}`],
  ['a branch on GitHub', () => 'github:somebody/set/release/25.11'],
  ['a tarball with its hash', () => `${sources.server.url}/set.tar.gz#${sources.narHash}`],
  ['a branch by git', () => `git+${sources.server.url}/git?ref=main`],
  ['a commit by git', () => `git+file://${sources.folder}/set?rev=${sources.revision}`],
  ['a lock file of GitHub', () => lockFile({ type: 'github', owner: 'somebody', repo: 'set', rev: sources.revision })],
  ['a lock file of a tarball', () => lockFile({ type: 'tarball', url: `${sources.server.url}/set.tar.gz` })],
  ['a lock file of git', () => lockFile({ type: 'git', url: `${sources.server.url}/git`, rev: sources.revision })],
]

describe('a run that changes nothing starts no Nix, downloads nothing and asks the cache once, with', () => {
  test.each(kinds)('%s', async (_, nixpkgs) => {
    repository++
    const written = await nixpkgs()
    const cold = await push(written)
    expect(cold.usedNix).toBe(true)
    const again = await push(written)
    expect(again.usedNix).toBe(false)
    expect(again.downloads).toEqual([])
    expect(again.cacheCalls).toEqual(['GetCacheEntryDownloadURL'])
    expect(again.outcome.reused).toBe('image')
    expect(again.outcome.descriptor).toEqual(cold.outcome.descriptor)
    expect(cold.outcome.source).toMatchObject(again.outcome.source)
    expect(again.outcome.source.narHash).toBe(sources.narHash)
    // The same content is the same request, however it is written.
    const keyOf = ({ told }: Run) => told.filter((line) => line.startsWith('nixpkgs: '))
    expect(keyOf(again)).toEqual([`nixpkgs: ${sources.narHash}`])
    expect(keyOf(cold)).toEqual(keyOf(again))
  })
})

test('a channel without security updates is told of, also where no Nix is started', async () => {
  repository++
  const runs = [await push('nixos-25.11'), await push('nixos-25.11')]
  const notice = endedChannel({ type: 'channel', channel: 'nixos-25.11' }, Date.now())
  expect(notice).toMatch(/^`nixpkgs` is nixos-25\.11, whose security updates ended on 2026-06-30; write /)
  for (const { told } of runs) expect(told).toContain(notice)
  expect(runs.map(({ usedNix }) => usedNix)).toEqual([true, false])
  const asked = { type: 'github', owner: 'NixOS', repo: 'nixpkgs', ref: 'nixos-25.11' }
  const written = await lockFile({ type: 'tarball', url: `${sources.server.url}/set.tar.gz` }, asked)
  const { told } = await push(written)
  expect(told.filter((line) => line.includes('security updates'))).toEqual([
    expect.stringMatching(
      /^`nixpkgs` is \S+\/flake\.lock, which locks nixos-25\.11, whose security updates ended on 2026-06-30; write nixos-\S+ into the flake, and run `nix flake update`\.$/,
    ),
  ])
})

test('what is known of a source is used where something else changes, and nobody is asked for it again', async () => {
  repository++
  const written = `${sources.server.url}/set.tar.gz#${sources.narHash}`
  await push(written)
  const more = await push(written, { packages: 'tree other' })
  expect(more.usedNix).toBe(true)
  expect(more.downloads).toEqual([])
})

test.each<[string, Record<string, string>]>([
  ['reuse: false', { reuse: 'false' }],
  ['cache: false', { cache: 'false' }],
])('with %s, no record is believed of what a source holds', async (_, inputs) => {
  repository++
  const written = `${sources.server.url}/set.tar.gz#${sources.narHash}`
  await push(written)
  expect((await push(written, inputs)).downloads).toEqual(['/set.tar.gz'])
})

test('a tarball without a hash is looked at each time, and what is in it is found all the same', async () => {
  repository++
  const written = `${sources.server.url}/set.tar.gz`
  await push(written)
  const again = await push(written)
  expect(again.usedNix).toBe(true)
  expect(again.downloads).toEqual(['/set.tar.gz'])
  expect(again.outcome.reused).toBe('image')
  expect(again.cacheCalls).toEqual(['GetCacheEntryDownloadURL'])
})

test('the same content from elsewhere is the same image, and the next run knows it at once', async () => {
  repository++
  await push(`${sources.revision}#${sources.narHash}`)
  const elsewhere = `github:somebody/set/${sources.revision}`
  const other = await push(elsewhere)
  expect(other.usedNix).toBe(true)
  expect(other.outcome.reused).toBe('image')
  const again = await push(elsewhere)
  expect(again.usedNix).toBe(false)
})
