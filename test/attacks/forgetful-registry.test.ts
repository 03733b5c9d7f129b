import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'
import { smallSet } from '../support/nix.ts'
import { type StrictRegistry, startStrictRegistry } from '../support/strict-registry.ts'

/**
 * If a registry has lost blobs, but accepts manifests that name them, it must not get a tag for an image that nobody
 * can pull.
 */

let cache: CacheService
let registry: StrictRegistry

beforeAll(async () => {
  cache = await startCacheService()
})
afterAll(() => cache[Symbol.asyncDispose]())
beforeEach(async () => {
  cache.clear()
  registry = await startStrictRegistry({ takesIncomplete: true })
  return () => registry[Symbol.asyncDispose]()
})

const push = async (inputs: Record<string, string> = {}): Promise<StepResult> => {
  const step = await runAction(
    {
      ...{ packages: 'tree other', nixpkgs: smallSet, image: `${registry.host}/forgetful`, tags: 'v1' },
      ...{ 'nix-config': 'extra-platforms = x86_64-linux aarch64-linux', ...inputs },
    },
    { environment: cache.environment(), event: { repository: { default_branch: 'main' } } },
  )
  expect(step.exitCode, step.log).toBe(0)
  return step
}

type Manifest = { config?: { digest: string }; layers?: { digest: string }[]; manifests?: { digest: string }[] }

/** Everything that a tag or digest leads to and that the registry does not have. */
const missing = (reference: string): string[] => {
  const bytes = registry.manifests.get(reference)
  if (!bytes) return [reference]
  const { config, layers = [], manifests = [] } = JSON.parse(bytes.toString()) as Manifest
  const blobs = [...(config ? [config] : []), ...layers].map(({ digest }) => digest)
  return [
    ...blobs.filter((digest) => !registry.blobs.has(digest)),
    ...manifests.flatMap(({ digest }) => missing(digest)),
  ]
}

const digestsIn = (reference: string): string[] => {
  const { config, layers = [] } = JSON.parse(registry.manifests.get(reference)?.toString() ?? '{}') as Manifest
  return [...layers, ...(config ? [config] : [])].map(({ digest }) => digest)
}

const reused = ({ outputs }: StepResult): string => JSON.parse(outputs['metadata'] ?? '').reused

const again = async (first: StepResult, inputs: Record<string, string> = {}): Promise<StepResult> => {
  const step = await push(inputs)
  for (const tag of (inputs['tags'] ?? 'v1').split(',')) expect(missing(tag)).toEqual([])
  expect(step.outputs['digest']).toBe(first.outputs['digest'])
  // The record of a request is put under its tag only.
  expect(registry.violations.filter((line) => !line.startsWith('nix-'))).toEqual([])
  return step
}

attack('registry', 'image', 'an emptied registry gets all of the image anew', async () => {
  const first = await push()
  registry.lose('all')
  const step = await again(first)
  expect(reused(step)).toBe('none')
  return step.log.includes('the registry does not have all of it any more')
})

attack('registry', 'image', 'and so does one that still has the tag and the manifest, but no blobs', async () => {
  const first = await push()
  registry.lose('blobs')
  const step = await again(first)
  await again(first, { tags: 'v2' })
  return step.log.includes('the registry does not have all of it any more')
})

attack('registry', 'image', 'each blob that is lost is noticed, under another tag, too', async () => {
  const first = await push()
  for (const digest of digestsIn('v1')) {
    registry.lose({ digest })
    await again(first)
    registry.lose({ digest })
    await again(first, { tags: 'v2' })
  }
  return true
})

attack('registry', 'image', 'of an index, each image', async () => {
  const platforms = 'linux/amd64, linux/arm64'
  const inputs = { packages: 'tree', platforms }
  const first = await push(inputs)
  registry.lose('blobs')
  await again(first, inputs)
  registry.lose('all')
  await again(first, inputs)
  return true
})

attack('registry', 'image', 'by the word of a record in the registry, too', async () => {
  const inputs = { reuse: 'registry' }
  const first = await push(inputs)
  const record = [...registry.manifests].find(([name]) => name.startsWith('nix-'))
  expect(record).toBeDefined()
  for (const digest of digestsIn('v1')) {
    registry.lose({ digest })
    await again(first, { ...inputs, cache: 'false' })
  }
  return true
})
