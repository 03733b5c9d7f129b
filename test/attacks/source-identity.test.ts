import { execFileSync } from 'node:child_process'
import { chmod, cp, mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { openActionsCache } from '../../src/cache/actions-cache.ts'
import { cacheBudget } from '../../src/cache/cache-budget.ts'
import { UserError } from '../../src/lib/error.ts'
import { hashNar } from '../../src/nix/nar.ts'
import type { NarHash } from '../../src/nix/nar-hash.ts'
import type { Outcome } from '../../src/report/outcome.ts'
import { noRecords, printRecords } from '../../src/reuse/records.ts'
import { sourceKey } from '../../src/reuse/source-key.ts'
import { root, runAction } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'
import { storePaths } from '../support/first-run.ts'
import { silentLog } from '../support/log.ts'
import { smallSet, withNix } from '../support/nix.ts'
import { type Registry, startRegistry, tags } from '../support/registry.ts'
import { runHere } from '../support/run-here.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

/** A URL, a commit and a hash that do not belong together must not be attested for an image. */

type Version = { readonly revision: string; readonly narHash: NarHash; readonly archive: string }

let folder: TemporaryFolder
let registry: Registry
let cache: CacheService
let server: WebServer
let old: Version
let current: Version
let set: string

const nowhere = 'f'.repeat(40)

beforeAll(async () => {
  folder = await temporaryFolder('source-identity')
  registry = await startRegistry()
  cache = await startCacheService()
  set = join(folder.path, 'set')
  await cp(smallSet, set, { recursive: true })
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', set, '-c', 'user.name=n', '-c', 'user.email=e', ...args], { encoding: 'utf8' }).trim()
  git('init', '--quiet', '--initial-branch', 'main')
  const commit = async (name: string): Promise<Version> => {
    // The content is unique, so no other test has it in the store.
    await writeFile(join(set, 'version'), `${name} ${folder.path}`)
    git('add', '.')
    git('commit', '--quiet', '--message', name)
    const archive = join(folder.path, `${name}.tar.gz`)
    execFileSync('tar', ['-czf', archive, '-C', folder.path, '--exclude', '.git', 'set'])
    const narHash = hashNar(set, (file) => file.endsWith('/.git'))
    return { revision: git('rev-parse', 'HEAD'), narHash, archive }
  }
  old = await commit('old')
  current = await commit('current')
  git('update-server-info')
  const archives = [old, current].flatMap(({ revision, archive }) => [
    [`/NixOS/nixpkgs/archive/${revision}.tar.gz`, { file: archive }] as const,
    [`/somebody/set/archive/${revision}.tar.gz`, { file: archive }] as const,
  ])
  server = await startWebServer({
    ...Object.fromEntries(archives),
    '/old.tar.gz': { file: old.archive },
    '/current.tar.gz': { file: current.archive },
    '/moved.tar.gz': (_, response) => response.writeHead(302, { location: '/old.tar.gz' }).end(),
    '/git/': { folder: join(set, '.git') },
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
  await registry.stop()
  await folder[Symbol.asyncDispose]()
})

let repository = 0
const freshName = (): string => `identity-${repository++}`

type Run = { readonly name: string; readonly outcome: Promise<Outcome> }

const start = (nixpkgs: string, inputs: Record<string, string> = {}, name = freshName()): Run => ({
  name,
  outcome: runHere(
    { packages: 'tree', nixpkgs, image: `${registry.host}/${name}`, tags: 'v1', ...inputs },
    {
      endpoints: { github: server.url, githubApi: server.url, channels: server.url },
      environment: cache.environment(),
    },
  ),
})

/** The run ended with a sentence that names all of this, and put no tag. */
const refused = async ({ name, outcome }: Run, ...named: readonly string[]): Promise<true> => {
  const error = await outcome.then(
    ({ source }) => expect.unreachable(`it attests ${source.description}`),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(UserError)
  for (const text of named) expect((error as UserError).message).toContain(text)
  expect(await tags(registry, name)).toEqual([])
  return true
}

const none = { reuse: 'false', cache: 'false' }

attack(
  'checkout',
  'attestation',
  'another commit with the hash of the old one, where the old one was built',
  async () => {
    cache.clear()
    const name = freshName()
    await start(`${old.revision}#${old.narHash}`, {}, name).outcome
    const bumped = start(`${current.revision}#${old.narHash}`)
    return refused(bumped, current.revision, old.narHash, current.narHash)
  },
)

attack(
  'checkout',
  'attestation',
  'the same on a machine that has the old one in its store, without reuse',
  async () => {
    cache.clear()
    await start(`${old.revision}#${old.narHash}`, none).outcome
    await refused(start(`${current.revision}#${old.narHash}`, none), current.revision, old.narHash, current.narHash)
    await refused(start(`${nowhere}#${old.narHash}`, none), nowhere)
    return true
  },
)

attack('checkout', 'attestation', 'a commit that does not exist, with the hash of one that was built', async () => {
  cache.clear()
  await start(`${old.revision}#${old.narHash}`).outcome
  return refused(start(`${nowhere}#${old.narHash}`), nowhere)
})

attack('checkout', 'attestation', 'a tarball with the hash of another one', async () => {
  cache.clear()
  await start(`${server.url}/old.tar.gz#${old.narHash}`).outcome
  const url = `${server.url}/current.tar.gz`
  await refused(start(`${url}#${old.narHash}`), url, old.narHash, current.narHash)
  await refused(start(`${url}#${old.narHash}`, none), url, old.narHash, current.narHash)
  return refused(start(`${server.url}/nothing.tar.gz#${old.narHash}`), `${server.url}/nothing.tar.gz`)
})

const lockFile = async (locked: Record<string, string>): Promise<string> => {
  const file = join(folder.path, 'flake.lock')
  const nodes = { root: { inputs: { nixpkgs: 'a' } }, a: { locked } }
  await writeFile(file, JSON.stringify({ version: 7, root: 'root', nodes }))
  return file
}

attack('checkout', 'attestation', 'a lock file with the hash of another commit, from GitHub', async () => {
  cache.clear()
  const locked = { type: 'github', owner: 'somebody', repo: 'set' }
  await start(await lockFile({ ...locked, rev: old.revision, narHash: old.narHash })).outcome
  const file = await lockFile({ ...locked, rev: current.revision, narHash: old.narHash })
  await refused(start(file), current.revision, old.narHash, current.narHash)
  await refused(start(file, none), current.revision, old.narHash, current.narHash)
  return refused(start(await lockFile({ ...locked, rev: nowhere, narHash: old.narHash })), nowhere)
})

attack('checkout', 'attestation', 'a lock file with the hash of another commit, from git', async () => {
  cache.clear()
  const locked = { type: 'git', url: `${server.url}/git` }
  await start(await lockFile({ ...locked, rev: old.revision, narHash: old.narHash })).outcome
  const file = await lockFile({ ...locked, rev: current.revision, narHash: old.narHash })
  await refused(start(file), current.revision, old.narHash, current.narHash)
  await refused(start(file, none), current.revision, old.narHash, current.narHash)
  return refused(start(await lockFile({ ...locked, rev: nowhere, narHash: old.narHash })), nowhere)
})

attack(
  'checkout',
  'attestation',
  'a lock file that says which commit a tarball is of, which nothing can check',
  async () => {
    cache.clear()
    const url = `${server.url}/old.tar.gz`
    const file = await lockFile({ type: 'tarball', url, rev: current.revision, narHash: old.narHash })
    const { source } = await start(file).outcome
    expect(source).toMatchObject({ url, narHash: old.narHash, revision: undefined })
    expect(source.description).not.toContain(current.revision)
    return false
  },
)

attack('source server', 'attestation', 'another tarball than the hash says, by a redirect', async () => {
  cache.clear()
  await start(`${server.url}/current.tar.gz#${current.narHash}`).outcome
  const url = `${server.url}/moved.tar.gz`
  await refused(start(`${url}#${current.narHash}`), url, current.narHash, old.narHash)
  return refused(start(`${url}#${current.narHash}`, none), url, current.narHash, old.narHash)
})

attack('other writer of the registry', 'attestation', 'a record that says what a commit holds', async () => {
  cache.clear()
  const name = freshName()
  const first = await start(`${old.revision}#${old.narHash}`, { reuse: 'registry', cache: 'false' }, name).outcome
  expect((await tags(registry, name)).length).toBe(2)
  // The registry has a record of a run with this very source, but a record in a registry never says what a commit
  // holds.
  const bumped = `${current.revision}#${old.narHash}`
  const { outcome } = start(bumped, { reuse: 'registry', cache: 'false', tags: 'v2' }, name)
  await expect(outcome).rejects.toThrow(current.narHash)
  expect(await tags(registry, name)).not.toContain('v2')
  expect(first.source.narHash).toBe(old.narHash)
  return true
})

attack(
  'job of the default branch',
  'attestation',
  'a record that says what a commit holds, with reuse: false',
  async () => {
    cache.clear()
    await start(`${old.revision}#${old.narHash}`).outcome
    const url = `${server.url}/NixOS/nixpkgs/archive/${current.revision}.tar.gz`
    const fetch = { by: 'tarball', url, srcType: 'nixpkgs' } as const
    const key = sourceKey({
      ...{ type: 'nixpkgs', url, revision: current.revision, narHash: undefined, claimed: undefined, fetch },
      describe: () => '',
    })
    const sources = [{ level: 'cache', key: key ?? '', narHash: old.narHash }] as const
    const records = join(folder.path, 'nix-image-records')
    await mkdir(records, { recursive: true })
    await writeFile(join(records, 'records.json'), printRecords({ ...noRecords('cache'), sources }))
    const environment = cache.environment()
    const { signal } = new AbortController()
    const planting = openActionsCache(
      { program: join(root, 'dist', 'index.js'), token: environment['ACTIONS_RUNTIME_TOKEN'] ?? '', environment },
      cacheBudget({ log: silentLog, signal }),
      {
        ...{ environment: { PATH: process.env['PATH'] ?? '' }, temporary: folder.path },
        ...{ signal, log: silentLog, secret: () => {} },
      },
    )
    expect(await planting.save(records, `nix-image-records-${'0'.repeat(32)}-${'0'.repeat(16)}`)).toBeDefined()
    const bumped = `${current.revision}#${old.narHash}`
    // If the workflow trusts the cache, the run believes any job that can write what this branch reads.
    expect((await start(bumped).outcome).source.revision).toBe(current.revision)
    return refused(start(bumped, { reuse: 'false' }), current.revision, old.narHash, current.narHash)
  },
)

attack("package's builder", 'attestation', 'a package set that was changed in the store', async () => {
  cache.clear()
  const written = `${server.url}/current.tar.gz#${current.narHash}`
  const first = await start(written).outcome
  const [path = ''] = await withNix(async (nix) =>
    storePaths(await nix('nix-store', ['--print-fixed-path', '--recursive', 'sha256', first.source.narHash, 'source'])),
  )
  const file = join(path, 'version')
  const before = await readFile(file, 'utf8')
  const write = async (text: string): Promise<void> => {
    await chmod(file, 0o644)
    await writeFile(file, text)
    await chmod(file, 0o444)
    await utimes(file, 1, 1)
  }
  await write(before.toUpperCase())
  try {
    // The change is detected whether a record or a download gives the hash.
    await refused(start(written, { packages: 'tree other' }), path)
    await refused(start(written, none), path)
    await refused(start(`${server.url}/current.tar.gz`, none), path)
    await refused(start(`git+file://${set}?rev=${current.revision}`, none), path)
    return await refused(start(set, none), path)
  } finally {
    await write(before)
  }
})

attack('checkout', 'attestation', 'the same with the action as a process', async () => {
  cache.clear()
  const image = `${registry.host}/${freshName()}`
  const options = { environment: cache.environment(), event: { repository: { default_branch: 'main' } } }
  const push = (nixpkgs: string, tags: string) => runAction({ packages: 'tree', nixpkgs, image, tags }, options)
  expect((await push(`${server.url}/old.tar.gz#${old.narHash}`, 'old')).exitCode).toBe(0)
  const bumped = await push(`${server.url}/current.tar.gz#${old.narHash}`, 'new')
  expect(bumped.exitCode, bumped.log).toBe(1)
  expect(bumped.errors).toEqual([expect.stringContaining(current.narHash)])
  expect(await tags(registry, image.slice(registry.host.length + 1))).toEqual(['old'])
  return true
})
