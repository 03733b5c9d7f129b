import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runAction, type StepResult } from './support/action.ts'
import { type CacheScope, type CacheService, startCacheService } from './support/cache-service.ts'
import { type CountedNix, countNix } from './support/counted-nix.ts'
import { type Rule, startFaultProxy } from './support/fault-proxy.ts'
import { smallSet } from './support/nix.ts'
import { deleteBlob, manifestDigest, type Registry, startRegistry, tags } from './support/registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { startWebServer } from './support/web-server.ts'

type Layer = { digest: string; made: string; blob: string; storePaths: string[]; size: number }
type Metadata = {
  reused: string
  requests: number
  bytes: { uploaded: number }
  platforms: { layers: Layer[] }[]
  timings: Record<string, number>
}

let registry: Registry
let cache: CacheService
let nix: CountedNix

beforeAll(async () => {
  registry = await startRegistry()
  cache = await startCacheService()
  nix = await countNix()
})
afterAll(async () => {
  await nix[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
  await registry.stop()
})
beforeEach(() => cache.clear())

let repository = 0
const freshImage = (): string => `${registry.host}/reuse-${repository++}`

type Run = StepResult & { metadata: Metadata; nixProcesses: number }

const start = (inputs: Record<string, string>, scope: CacheScope = {}): Promise<StepResult> =>
  runAction(
    { packages: 'tree other', nixpkgs: smallSet, tags: 'v1', ...inputs },
    { environment: { PATH: nix.path, ...cache.environment(scope) }, event: { repository: { default_branch: 'main' } } },
  )

const push = async (inputs: Record<string, string>, scope: CacheScope = {}): Promise<Run> => {
  const before = nix.count()
  const step = await start(inputs, scope)
  expect(step.exitCode, step.log).toBe(0)
  return { ...step, metadata: JSON.parse(step.metadataFile), nixProcesses: nix.count() - before }
}

const layersOf = ({ metadata }: Run): Layer[] => metadata.platforms[0]?.layers ?? []
/** The ways in which the layers of a run were made. */
const made = (run: Run): string[] => [...new Set(layersOf(run).map(({ made }) => made))].sort()

/** The outputs and metadata that must be the same whether a run reused something or not. */
const comparable = ({ metadata, outputs }: Run): unknown => {
  const { reused, requests, bytes, timings, platforms, ...rest } = metadata
  const { metadata: _, reused: __, sbom: ___, 'metadata-file': ____, ...others } = outputs
  return {
    ...others,
    ...rest,
    bytes: { ...bytes, uploaded: 0 },
    platforms: platforms.map((platform) => ({
      ...platform,
      layers: platform.layers.map((layer) => ({ ...layer, made: '', blob: '' })),
    })),
  }
}

describe('a run that changes nothing', () => {
  test('starts no Nix and sends no layer, and gives the same as the one before', async () => {
    const image = freshImage()
    const cold = await push({ image })
    expect(cold.metadata.reused).toBe('none')
    expect(cold.nixProcesses).toBeGreaterThan(0)
    const again = await push({ image })
    expect(again.nixProcesses).toBe(0)
    expect(again.metadata.reused).toBe('image')
    expect(made(again)).toEqual(['reused'])
    expect(again.metadata.requests).toBeLessThanOrEqual(10)
    expect(Object.keys(again.metadata.timings)).not.toContain('nix')
    expect(comparable(again)).toEqual(comparable(cold))
    expect(again.sbom).toBe(cold.sbom)
    expect(again.log).toContain('nothing is evaluated')
  })

  test('saves no other records', async () => {
    const image = freshImage()
    await push({ image })
    expect(cache.entries.map(({ key }) => key)).toEqual([
      expect.stringMatching(/^nix-image-records-[0-9a-f]{32}-[0-9a-f]{16}$/),
    ])
    await push({ image })
    expect(cache.entries.length).toBe(1)
  })

  test('has records of a run that was told to make all anew', async () => {
    const image = freshImage()
    await push({ image, reuse: 'false' })
    expect((await push({ image })).metadata.reused).toBe('image')
  })

  test('needs no Nix to be there', async () => {
    const image = freshImage()
    const cold = await push({ image })
    const step = await runAction(
      { packages: 'tree other', nixpkgs: smallSet, tags: 'v1', image, 'install-nix': 'never' },
      { environment: { PATH: '/nowhere:/usr/bin:/bin', ...cache.environment() } },
    )
    expect(step.exitCode, step.log).toBe(0)
    expect(step.outputs['digest']).toBe(cold.outputs['digest'])
  })

  test('may be for another tag and other labels, and then gives what a cold run would', async () => {
    const image = freshImage()
    await push({ image })
    const other = { tags: 'v2', labels: 'a=b', cmd: '["tree"]', env: 'A=1' }
    const again = await push({ image, ...other })
    expect(again.metadata.reused).toBe('image')
    expect(again.nixProcesses).toBe(0)
    const cold = await push({ image, ...other, reuse: 'false' })
    expect(cold.metadata.reused).toBe('none')
    expect(again.outputs['digest']).toBe(cold.outputs['digest'])
    expect(await tags(registry, image.slice(registry.host.length + 1))).toEqual(['v1', 'v2'])
  })

  test('may be one that does not push', async () => {
    const cold = await push({ image: freshImage() })
    const again = await push({ image: freshImage(), push: 'false' })
    expect(again.metadata.reused).toBe('image')
    expect(again.outputs['digest']).toBe(cold.outputs['digest'])
    expect(again.nixProcesses).toBe(0)
  })
})

describe('what an earlier run made is not used', () => {
  test.each<[string, Record<string, string>, string]>([
    ['for other packages', { packages: 'tree' }, 'layers'],
    ['for the same ones in another order', { packages: 'other tree' }, 'layers'],
    ['with another compression', { compression: 'zstd' }, 'none'],
    ['without a cache', { cache: 'false' }, 'none'],
    ['where it was told so', { reuse: 'false' }, 'none'],
  ])('%s', async (_, inputs, reused) => {
    const image = freshImage()
    await push({ image })
    const other = await push({ image, ...inputs })
    expect(other.nixProcesses).toBeGreaterThan(0)
    expect(other.metadata.reused).toBe(reused)
  })

  test('for an image layout, which wants the layers as files', async () => {
    const image = freshImage()
    await push({ image })
    const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
    try {
      const { metadata } = await push({ image, output: join(folder, 'layout') })
      expect(metadata.reused).toBe('none')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('after the package set has changed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
    try {
      const nixpkgs = join(folder, 'set')
      await cp(smallSet, nixpkgs, { recursive: true })
      const image = freshImage()
      await push({ image, nixpkgs })
      expect((await push({ image, nixpkgs })).metadata.reused).toBe('image')
      await cp(join(smallSet, 'default.nix'), join(nixpkgs, 'another.nix'))
      expect((await push({ image, nixpkgs })).nixProcesses).toBeGreaterThan(0)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('where the registry has lost a layer: it is built and sent again', async () => {
    const image = freshImage()
    const cold = await push({ image })
    await deleteBlob(registry, image.slice(registry.host.length + 1), layersOf(cold)[0]?.digest ?? '')
    const again = await push({ image, tags: 'v2' })
    expect(again.metadata.reused).toBe('layers')
    expect(made(again)).toEqual(['built', 'reused'])
    expect(again.outputs['digest']).toBe(cold.outputs['digest'])
    expect(again.log).toContain('the registry does not have all of it any more')
  })
})

test('a platform more costs that platform', async () => {
  const image = freshImage()
  const inputs = { image, 'nix-config': 'extra-platforms = x86_64-linux aarch64-linux', packages: 'tree' }
  await push({ ...inputs, platforms: 'linux/amd64' })
  const both = await push({ ...inputs, platforms: 'linux/amd64, linux/arm64' })
  const madeFor = both.metadata.platforms.map(({ layers }) => layers.map(({ made }) => made))
  expect(new Set(madeFor[0])).toEqual(new Set(['reused']))
  expect(madeFor[1]).toContain('built')
  const again = await push({ ...inputs, platforms: 'linux/amd64, linux/arm64' })
  expect(again.metadata.reused).toBe('image')
  expect(again.nixProcesses).toBe(0)
  expect(again.outputs['digest']).toBe(both.outputs['digest'])
})

test('an image that this run built and the registry refuses ends the run, whatever an earlier one made', async () => {
  await using proxy = await startFaultProxy(registry.host)
  const image = `${proxy.host}${freshImage().slice(registry.host.length)}`
  const inputs = { image, 'nix-config': 'extra-platforms = x86_64-linux aarch64-linux', packages: 'tree' }
  await push({ ...inputs, platforms: 'linux/amd64' })
  const fits = (method: string, path: string): boolean => method === 'PUT' && path.includes('/manifests/sha256:')
  const body = JSON.stringify({ errors: [{ code: 'MANIFEST_INVALID', message: 'manifest invalid' }] })
  proxy.follow([{ fits, fault: { answer: 400, body }, nth: 2, times: 99 }])
  const refused = await start({ ...inputs, platforms: 'linux/amd64, linux/arm64', tags: 'v2' })
  expect(refused.exitCode, refused.log).toBe(1)
  expect(refused.errors.join()).toContain('MANIFEST_INVALID')
  expect(refused.log).not.toContain('made again')
})

test('one package more costs only the layers that have something new', async () => {
  const image = freshImage()
  const cold = await push({ image, packages: 'tree other file sbinA' })
  const more = await push({ image, packages: 'tree other file sbinA sbinB' })
  expect(more.metadata.reused).toBe('layers')
  const known = new Set(layersOf(cold).flatMap(({ storePaths }) => storePaths))
  for (const { made, storePaths } of layersOf(more))
    if (made === 'reused') expect(storePaths.every((path) => known.has(path))).toBe(true)
    else expect(storePaths.length === 0 || storePaths.some((path) => !known.has(path))).toBe(true)
  expect(
    (await push({ image: freshImage(), packages: 'tree other file sbinA sbinB', reuse: 'false' })).outputs['digest'],
  ).toBe(more.outputs['digest'])
})

test('jobs that run at the same time each find their own records', async () => {
  const image = freshImage()
  const lists = ['tree', 'other', 'tree other', 'file', 'tree file', 'other file', 'sbinA', 'sbinA tree']
  const all = (): Promise<Run[]> =>
    Promise.all(lists.map((packages, index) => push({ image, packages, tags: `t${index}` })))
  const first = await all()
  for (const [index, { outputs }] of first.entries())
    expect(outputs['digest']).toBe(await manifestDigest(registry, image.slice(registry.host.length + 1), `t${index}`))
  const layers = first.flatMap(layersOf)
  const sent = new Set(layers.filter(({ blob }) => blob === 'sent').map(({ digest }) => digest))
  expect(layers.filter(({ digest }) => !sent.has(digest))).toEqual([])
  const second = await all()
  expect(second.map(({ metadata }) => metadata.reused)).toEqual(lists.map(() => 'image'))
  expect(second.map(({ outputs }) => outputs['digest'])).toEqual(first.map(({ outputs }) => outputs['digest']))
})

describe('an image of an earlier run that the registry refuses is made anew, whatever it calls the reason:', () => {
  const body = JSON.stringify({ errors: [{ code: 'MANIFEST_INVALID', message: 'manifest invalid' }] })
  const isManifest = (method: string, path: string): boolean => method === 'PUT' && path.includes('/manifests/')
  test.each<[string, Rule]>([
    [
      'the manifest',
      { fits: (method, path) => isManifest(method, path) && path.includes('sha256'), fault: { answer: 400, body } },
    ],
    [
      'the tag',
      { fits: (method, path) => isManifest(method, path) && !path.includes('sha256'), fault: { answer: 400, body } },
    ],
  ])('%s', async (_, rule) => {
    await using proxy = await startFaultProxy(registry.host)
    const image = `${proxy.host}/reuse-${repository++}`
    await push({ image })
    proxy.follow([rule])
    const again = await push({ image, labels: 'a=b', tags: 'v2' })
    expect(again.nixProcesses).toBeGreaterThan(0)
    expect(again.metadata.reused).not.toBe('image')
    const cold = await push({ image, labels: 'a=b', reuse: 'false', tags: 'v3' })
    expect(again.outputs['digest']).toBe(cold.outputs['digest'])
  })
})

test('a branch that moves on while it is fetched is recorded as what was fetched', async () => {
  await using folder = await temporaryFolder('moving-branch')
  const set = join(folder.path, 'set')
  await cp(smallSet, set, { recursive: true })
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', set, '-c', 'user.name=n', '-c', 'user.email=e', ...args], { encoding: 'utf8' }).trim()
  git('init', '--quiet', '--initial-branch', 'main')
  git('add', '.')
  git('commit', '--quiet', '--message', 'before')
  git('update-server-info')
  const before = git('rev-parse', 'HEAD')
  await using server = await startWebServer({ '/': { folder: folder.path } })
  const url = `git+${server.url}/set/.git`
  // The git of this step makes a commit right after it is asked for the branch.
  const bin = join(folder.path, 'bin')
  await mkdir(bin)
  const moving = [
    '#!/bin/sh',
    'PATH=${PATH#*:}',
    'git "$@" || exit',
    'case "$*" in *ls-remote*) cd "$SET" && echo "# after" >> default.nix && git -c user.name=n -c user.email=e commit -qam after && git update-server-info ;; esac',
  ]
  await writeFile(join(bin, 'git'), `${moving.join('\n').replace('"$SET"', `'${set}'`)}\n`, { mode: 0o755 })
  const image = freshImage()
  const step = await runAction(
    { packages: 'tree other', nixpkgs: `${url}?ref=main`, tags: 'v1', image },
    { environment: { PATH: `${bin}:${nix.path}`, ...cache.environment() } },
  )
  expect(step.exitCode, step.log).toBe(0)
  const after = git('rev-parse', 'HEAD')
  expect(after).not.toBe(before)
  expect(JSON.parse(step.outputs['metadata'] ?? '').source.revision).toBe(after)
  const reusedOf = async (revision: string): Promise<string> =>
    (await push({ image, nixpkgs: `${url}?ref=main&rev=${revision}` })).metadata.reused
  expect(await reusedOf(before)).not.toBe('image')
  expect(await reusedOf(after)).toBe('image')
})

describe('with reuse: registry, and no cache service', () => {
  const pushAlone = async (inputs: Record<string, string>): Promise<Run> => {
    const before = nix.count()
    const step = await runAction(
      { packages: 'tree other', nixpkgs: smallSet, tags: 'v1', reuse: 'registry', ...inputs },
      { environment: { PATH: nix.path } },
    )
    expect(step.exitCode, step.log).toBe(0)
    return { ...step, metadata: JSON.parse(step.metadataFile), nixProcesses: nix.count() - before }
  }

  test('the same image is made without Nix, of what the registry says', async () => {
    const image = freshImage()
    const cold = await pushAlone({ image })
    expect(await tags(registry, image.slice(registry.host.length + 1))).toEqual([
      expect.stringMatching(/^nix-[0-9a-f]{32}$/),
      'v1',
    ])
    const again = await pushAlone({ image, tags: 'v2', labels: 'a=b' })
    expect(again.metadata.reused).toBe('image')
    expect(again.nixProcesses).toBe(0)
    expect(made(again)).toEqual(['reused'])
    expect(layersOf(again).map(({ digest }) => digest)).toEqual(layersOf(cold).map(({ digest }) => digest))
  })

  test('layers are found in the image that the tag names', async () => {
    const image = freshImage()
    await pushAlone({ image })
    const other = await pushAlone({ image, packages: 'tree other file' })
    expect(other.metadata.reused).toBe('layers')
    expect(made(other)).toContain('reused')
  })

  test('a registry that takes no other tags costs a notice', async () => {
    await using proxy = await startFaultProxy(registry.host, [
      {
        fits: (method, path) => method === 'PUT' && path.includes('/manifests/nix-'),
        fault: { answer: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message: 'not this tag' }] }) },
      },
    ])
    const step = await pushAlone({ image: `${proxy.host}/reuse-${repository++}` })
    expect(step.log).toMatch(/^::notice::The registry does not keep the record of this image: /m)
    expect(step.outputs['digest']).toBeTruthy()
  })

  test('what is there and no record costs a notice', async () => {
    const image = freshImage()
    const cold = await pushAlone({ image })
    const [record = ''] = await tags(registry, image.slice(registry.host.length + 1))
    // Pushes another image under the name of the record.
    await pushAlone({ image, packages: 'file', tags: record })
    const again = await pushAlone({ image, tags: 'v3' })
    expect(again.log).toMatch(new RegExp(`^::notice::What the registry has as ${record} cannot be used`, 'm'))
    expect(again.outputs['digest']).toBe(cold.outputs['digest'])
  })
})

describe('a record is believed only from where this run may read', () => {
  test('that of the default branch is found where the branch has records of something else', async () => {
    const image = freshImage()
    await push({ image, packages: 'tree' })
    const scope = { ref: 'refs/heads/branch' }
    await push({ image, packages: 'file' }, scope)
    expect((await push({ image, packages: 'tree' }, scope)).metadata.reused).toBe('image')
  })

  test('the default branch for a branch, and not the other way round', async () => {
    const image = freshImage()
    await push({ image }, { ref: 'refs/heads/branch' })
    expect((await push({ image })).metadata.reused).toBe('none')
    expect((await push({ image }, { ref: 'refs/pull/1/merge' })).metadata.reused).toBe('image')
  })
})
