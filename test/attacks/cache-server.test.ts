import { afterAll, beforeAll, expect } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'
import { smallSet } from '../support/nix.ts'
import { manifestDigest, type Registry, startRegistry } from '../support/registry.ts'

let service: CacheService
let registry: Registry
let honest: StepResult

beforeAll(async () => {
  service = await startCacheService()
  registry = await startRegistry()
  honest = await push('honest')
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await registry.stop()
})

const push = (tags: string): Promise<StepResult> =>
  runAction(
    { packages: 'tree', nixpkgs: smallSet, image: `${registry.host}/cache-server`, tags },
    { environment: service.environment(), event: { repository: { default_branch: 'main' } } },
  )

attack('cache server', 'end of the run', 'takes requests and never answers', async () => {
  service.fault = 'silent'
  const start = performance.now()
  const { exitCode, log } = await push('silent')
  service.fault = undefined
  expect(exitCode, log).toBe(0)
  // A run spends at most 30 s on all its work with the cache.
  expect((performance.now() - start) / 1000).toBeLessThan(60)
  expect(log).toMatch(/^::notice::Nothing was restored from the Actions cache: it has not answered within 10 s/m)
  return true
})

attack('cache server', 'image', 'gives other bytes than were saved', async () => {
  for (const fault of ['corrupt', 'truncated'] as const) {
    service.fault = fault
    const { exitCode, log } = await push(fault)
    service.fault = undefined
    expect(exitCode, log).toBe(0)
    expect(await manifestDigest(registry, 'cache-server', fault)).toBe(honest.outputs['digest'])
    expect(log).toMatch(/^::notice::.* Actions cache/m)
  }
  return true
})
