import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { type CacheFault, type CacheService, startCacheService } from '../support/cache-service.ts'
import { smallSet } from '../support/nix.ts'
import { manifestDigest, type Registry, startRegistry } from '../support/registry.ts'

let service: CacheService
let registry: Registry
let first: StepResult

const key = `test-1:${Buffer.alloc(64, 7).toString('base64')}`

beforeAll(async () => {
  service = await startCacheService()
  registry = await startRegistry()
  first = await run('first')
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await registry.stop()
})

const run = (tags: string, packages = 'tree'): Promise<StepResult> =>
  runAction(
    { packages, nixpkgs: smallSet, image: `${registry.host}/faults`, tags, 'cache-signing-key': key },
    { environment: service.environment(), event: { repository: { default_branch: 'main' } } },
  )

/** The notices of a run, but not the one that this machine's Nix is old. */
const notices = (log: string): string[] =>
  [...log.matchAll(/^::notice::(.*)$/gm)]
    .map(([, text = '']) => text)
    .filter((text) => !text.includes('has known vulnerabilities'))

test('a cache without faults is not spoken of', () => {
  expect(first.exitCode, first.log).toBe(0)
  expect(notices(first.log)).toEqual([])
  expect(service.calls).toContain('FinalizeCacheEntryUpload')
})

describe('the run is green and pushes what it should, with a notice and without a warning, where the cache is', () => {
  test.each<CacheFault>([
    'read-denied',
    'write-denied',
    'rate-limited',
    'full',
    'corrupt',
    'truncated',
    'missing',
    'silent',
  ])('%s', async (fault) => {
    service.fault = fault
    const start = performance.now()
    // A fault in reading needs an entry that exists; a fault in saving needs something new to save.
    const packages =
      fault === 'full' || fault === 'write-denied' ? `tree other ${fault === 'full' ? 'same' : ''}` : 'tree'
    const { exitCode, log, outputs, warnings } = await run(fault, packages)
    service.fault = undefined
    expect(exitCode, log).toBe(0)
    if (packages === 'tree') expect(outputs['digest']).toBe(first.outputs['digest'])
    expect(outputs['digest']).toBe(await manifestDigest(registry, 'faults', fault))
    expect(warnings).toEqual([])
    expect(notices(log).length).toBeGreaterThan(0)
    for (const notice of notices(log)) expect(notice).toMatch(/ Actions cache|No store paths were /)
    expect((performance.now() - start) / 1000).toBeLessThan(30)
  })
})

test('entries that are damaged cost one run its reuse, and are replaced by it', async () => {
  const damaged = [...service.entries]
  for (const entry of damaged) await service.replace(entry, Buffer.from('garbage'))
  const runs = [await run('damaged'), await run('mended')]
  for (const { exitCode, log, outputs } of runs) {
    expect(exitCode, log).toBe(0)
    expect(outputs['digest']).toBe(first.outputs['digest'])
  }
  expect(runs.map(({ outputs }) => JSON.parse(outputs['metadata'] ?? '').reused)).toEqual(['none', 'image'])
  expect(runs.map(({ log }) => notices(log).length > 0)).toEqual([true, false])
  const mended = service.entries.slice(damaged.length).map(({ key }) => key.split('-')[2])
  expect(mended.sort()).toEqual(['records', 'store'])
})
