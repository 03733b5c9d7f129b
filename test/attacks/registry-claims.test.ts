import { afterAll, beforeAll, expect } from 'vitest'
import { parseDigest } from '../../src/oci/descriptor.ts'
import { type ImageLayer, image } from '../../src/oci/image.ts'
import { annotated } from '../../src/oci/layer-annotations.ts'
import { pushImage, pushTags } from '../../src/registry/push.ts'
import { RepositoryClient } from '../../src/registry/repository.ts'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'
import { smallSet } from '../support/nix.ts'
import { type Registry, startRegistry, tags } from '../support/registry.ts'

/** A run that does not trust the registry must not believe a layer that an earlier run took on the registry's word. */

type Layer = { key: string; digest: string; diffId: string; mediaType: string; size: number; storePaths: string[] }

let registry: Registry
let cache: CacheService

beforeAll(async () => {
  registry = await startRegistry()
  cache = await startCacheService()
})
afterAll(async () => {
  await cache[Symbol.asyncDispose]()
  await registry.stop()
})

const push = async (repository: string, inputs: Record<string, string> = {}): Promise<StepResult> => {
  const step = await runAction(
    {
      ...{ packages: 'tree other', nixpkgs: smallSet, tags: 'v1', 'nix-config': 'extra-platforms = aarch64-linux' },
      ...{ image: `${registry.host}/${repository}`, ...inputs },
    },
    { environment: cache.environment(), event: { repository: { default_branch: 'main' } } },
  )
  expect(step.exitCode, step.log).toBe(0)
  return step
}

const layersOf = (step: StepResult): Layer[] =>
  (JSON.parse(step.metadataFile) as { platforms: { layers: Layer[] }[] }).platforms.flatMap(({ layers }) => layers)
const reused = (step: StepResult): string => JSON.parse(step.metadataFile).reused

/** The result of a run in a repository of its own and without a cache. */
const honest = (inputs: Record<string, string> = {}): Promise<StepResult> =>
  push('honest', { ...inputs, cache: 'false', reuse: 'false' })

/** Puts another layer under the tag, with the keys of layers that a victim will look for. */
const plant = async (repository: string, tag: string, keys: readonly string[], extraBytes = 0): Promise<string> => {
  const [stolen] = layersOf(await push(repository, { packages: 'odd', tags: 'mine', cache: 'false', reuse: 'false' }))
  if (!stolen) throw new Error('there is no layer to plant')
  const { mediaType } = stolen
  const size = stolen.size + extraBytes
  const digest = parseDigest(stolen.digest, 'digest')
  const diffID = parseDigest(stolen.diffId, 'diffId')
  const layers = keys.map(
    (key): ImageLayer => ({
      descriptor: annotated({ key, descriptor: { mediaType, digest, size }, diffID }),
      diffID,
      holds: 'a backdoor',
    }),
  )
  const planted = image(layers, { architecture: 'amd64', created: '1970-01-01T00:00:01Z' })
  const { signal } = new AbortController()
  const ports = { log: { info: () => {} }, secret: () => {}, signal }
  const client = new RepositoryClient({ registry: registry.host, name: repository }, undefined, ports)
  const unexpected = async (): Promise<void> => expect.unreachable()
  await pushImage(client, planted, unexpected)
  await pushTags(client, planted.manifest, [tag], unexpected)
  return digest
}

const writer = 'other writer of the registry'

attack(writer, 'later runs', 'a layer planted under a tag is not handed on by a run that believed it', async () => {
  const expected = await honest()
  const keys = layersOf(expected).map(({ key }) => key)
  const planted = await plant('laundry', 'v1', keys)
  const believing = await push('laundry', { reuse: 'registry' })
  // The forgery does work with a run that believes the registry.
  expect(layersOf(believing).map(({ digest }) => digest)).toContain(planted)
  const later = await push('laundry', { tags: 'release' })
  expect(layersOf(later).map(({ digest }) => digest)).not.toContain(planted)
  expect(later.outputs['digest']).toBe(expected.outputs['digest'])
  return false
})

attack(writer, 'later runs', 'one of many layers is enough to believe nothing of the image', async () => {
  cache.clear()
  const packages = 'tree other file sbinA'
  const expected = await honest({ packages })
  const [one] = layersOf(expected).filter(({ storePaths }) => storePaths.length > 0)
  const planted = await plant('one-layer', 'v1', [one?.key ?? ''])
  const believing = await push('one-layer', { packages, reuse: 'registry' })
  expect(reused(believing)).toBe('layers')
  expect(layersOf(believing).map(({ digest }) => digest)).toContain(planted)
  const later = await push('one-layer', { packages, tags: 'release' })
  expect(later.outputs['digest']).toBe(expected.outputs['digest'])
  // Later runs know the layers that the believing run built itself.
  expect(reused(later)).toBe('layers')
  return false
})

attack(writer, 'later runs', 'a layer is not handed on by way of another image that it is in', async () => {
  cache.clear()
  const expected = await honest({ packages: 'tree other file' })
  const keys = layersOf(await honest()).map(({ key }) => key)
  const planted = await plant('detour', 'v1', keys)
  await push('detour', { packages: 'tree other file', reuse: 'registry' })
  await push('detour', { packages: 'tree file other', reuse: 'registry', tags: 'v2' })
  const later = await push('detour', { packages: 'tree other file', tags: 'release' })
  expect(layersOf(later).map(({ digest }) => digest)).not.toContain(planted)
  expect(later.outputs['digest']).toBe(expected.outputs['digest'])
  return false
})

attack(writer, 'later runs', 'the record of a request is not handed on either, nor for another platform', async () => {
  cache.clear()
  const platforms = 'linux/amd64'
  const expected = await honest({ platforms: 'linux/amd64, linux/arm64', packages: 'tree' })
  // The record of a run that believed a planted layer is under the request's tag.
  const keys = layersOf(await honest({ packages: 'tree', platforms })).map(({ key }) => key)
  const planted = await plant('by-record', 'v1', keys)
  await push('by-record', { packages: 'tree', platforms, reuse: 'registry' })
  expect(await tags(registry, 'by-record')).toContainEqual(expect.stringMatching(/^nix-[0-9a-f]{32}$/))
  const believing = await push('by-record', {
    ...{ packages: 'tree', platforms: 'linux/amd64, linux/arm64', reuse: 'registry', tags: 'other' },
  })
  expect(layersOf(believing).map(({ digest }) => digest)).toContain(planted)
  const later = await push('by-record', { packages: 'tree', platforms: 'linux/amd64, linux/arm64', tags: 'release' })
  expect(layersOf(later).map(({ digest }) => digest)).not.toContain(planted)
  expect(later.outputs['digest']).toBe(expected.outputs['digest'])
  return false
})

attack(writer, 'image', 'nothing in the registry is believed by a run that was not told to', async () => {
  cache.clear()
  const expected = await honest()
  const keys = layersOf(expected).map(({ key }) => key)
  await plant('unasked', 'v1', keys)
  const step = await push('unasked')
  expect(reused(step)).toBe('none')
  expect(step.outputs['digest']).toBe(expected.outputs['digest'])
  return false
})

attack(writer, 'end of the run', 'a planted layer of another size than its blob is built instead', async () => {
  cache.clear()
  const expected = await honest()
  await plant(
    'wrong-size',
    'v1',
    layersOf(expected).map(({ key }) => key),
    1,
  )
  const step = await push('wrong-size', { reuse: 'registry' })
  expect(step.outputs['digest']).toBe(expected.outputs['digest'])
  return false
})
