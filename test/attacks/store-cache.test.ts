import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { openActionsCache } from '../../src/cache/actions-cache.ts'
import { cacheBudget } from '../../src/cache/cache-budget.ts'
import { githubToken, root, runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { type CacheScope, type CacheService, startCacheService } from '../support/cache-service.ts'
import { silentLog } from '../support/log.ts'
import { smallSet } from '../support/nix.ts'
import { output } from '../support/process.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { copySpy, makeSpy } from '../support/spy.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

/** Another job can leave entries in the Actions cache for the job that publishes. */

let registry: Registry
let service: CacheService
let folder: TemporaryFolder
let entries = 0

let signingKey: string
const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'

beforeAll(async () => {
  registry = await startRegistry({ auth: 'basic' })
  service = await startCacheService()
  folder = await temporaryFolder('attacks')
  const files = ['secret', 'public'].map((name) => join(folder.path, name))
  await output('nix-store', ['--generate-binary-cache-key', 'test-1', ...files])
  signingKey = await readFile(join(folder.path, 'secret'), 'utf8')
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
  await registry.stop()
})

/** Saves a folder as an entry with store paths, as any job of the scope can. */
const plant = async (scope: CacheScope, fill: (entry: string) => Promise<unknown>): Promise<void> => {
  service.clear()
  const entry = join(folder.path, `${entries++}`, 'nix-image-store')
  await mkdir(entry, { recursive: true })
  await fill(entry)
  const { signal } = new AbortController()
  const cache = openActionsCache(
    {
      program: join(root, 'dist', 'index.js'),
      token: service.environment(scope)['ACTIONS_RUNTIME_TOKEN'] ?? '',
      environment: service.environment(scope),
    },
    cacheBudget({ log: silentLog, signal }),
    {
      environment: { PATH: process.env['PATH'] ?? '' },
      temporary: folder.path,
      log: silentLog,
      secret: () => {},
      signal,
    },
  )
  const key = `nix-image-store-v2-auto-${system}-0`
  expect(await cache.save(entry, key)).toBe(key)
}

/** The job that publishes, with all its secrets. */
const publish = async (cache: string, scope?: CacheScope): Promise<StepResult> => {
  const step = await runAction(
    {
      packages: 'tree',
      nixpkgs: smallSet,
      image: `${registry.host}/attacked`,
      tags: 'v1',
      username: registry.username,
      password: registry.password,
      reuse: 'false',
      cache,
      'cache-signing-key': signingKey,
    },
    { environment: service.environment(scope), event: { repository: { default_branch: 'main' } } },
  )
  expect(step.exitCode, step.log).toBe(0)
  return step
}

const isNoticed = ({ log }: StepResult): boolean => /^::notice::.*the Actions cache/m.test(log)

describe('code of another job', () => {
  for (const [cache, asset] of [
    ['true', 'code in the step'],
    ['read', 'credentials'],
  ] as const)
    for (const [attacker, ref, reads] of [
      ['job of the default branch', 'refs/heads/main', []],
      ['job of a branch', 'refs/heads/topic', ['refs/heads/main']],
    ] as const)
      attack(attacker, asset, `a derivation that nobody has signed, with cache: ${cache}`, async () => {
        const scope = { ref, reads }
        const spy = await makeSpy(folder.path)
        await plant(scope, (entry) => copySpy(spy, entry))
        const step = await publish(cache, scope)
        const loot = await spy.loot()
        expect(loot?.includes(githubToken) ?? false, 'the builder has read the GitHub token').toBe(false)
        expect(loot?.includes(registry.password) ?? false, 'the builder has read the password').toBe(false)
        expect(loot, 'it was built').toBeUndefined()
        return isNoticed(step)
      })
})

describe('later runs', () => {
  attack('cache server', 'later runs', 'an entry that stands in the place of every better one', async () => {
    const spy = await makeSpy(folder.path)
    await plant({}, (entry) => copySpy(spy, entry))
    expect(isNoticed(await publish('true'))).toBe(true)
    // The next run finds the entry that this run has saved, and has nothing to add.
    expect(isNoticed(await publish('true'))).toBe(false)
    expect(service.entries.filter(({ key }) => key.startsWith('nix-image-store-'))).toHaveLength(2)
    return true
  })
})
