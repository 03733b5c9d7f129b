import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openActionsCache } from '../src/cache/actions-cache.ts'
import { cacheBudget } from '../src/cache/cache-budget.ts'
import { assemble } from '../src/image/assemble.ts'
import { pushImage, pushTags } from '../src/registry/push.ts'
import { RepositoryClient } from '../src/registry/repository.ts'
import {
  addLayers,
  type ImageRecord,
  noRecords,
  parseCachedRecords,
  printRecords,
  type Records,
} from '../src/reuse/records.ts'
import { pushRecord } from '../src/reuse/registry-records.ts'
import { root, runAction, type StepResult } from './support/action.ts'
import { attack } from './support/attack.ts'
import { type CacheScope, type CacheService, startCacheService } from './support/cache-service.ts'
import { silentLog } from './support/log.ts'
import { smallSet } from './support/nix.ts'
import { inputs } from './support/plans.ts'
import { type Registry, startRegistry } from './support/registry.ts'
import { targetPlan, testTarget } from './support/targets.ts'
import { type TemporaryFolder, temporaryFolder } from './support/temporary-folder.ts'

/** Another job, with `packages: write` and on another branch, can leave this for the job under test. */

let registry: Registry
let cache: CacheService
let folder: TemporaryFolder
let honest: StepResult
let planted = 0

const push = async (changes: Record<string, string> = {}, scope?: CacheScope): Promise<StepResult> => {
  const image = `${registry.host}/planted`
  const step = await runAction(
    { packages: 'tree other', nixpkgs: smallSet, image, tags: 'v1', ...changes },
    { environment: cache.environment(scope), event: { repository: { default_branch: 'main' } } },
  )
  expect(step.exitCode, step.log).toBe(0)
  return step
}

const metadata = (step: StepResult): { reused: string; platforms: { layers: { made: string }[] }[] } =>
  JSON.parse(step.outputs['metadata'] ?? '')

const { signal } = new AbortController()

const cacheOf = (scope: CacheScope) =>
  openActionsCache(
    {
      program: join(root, 'dist', 'index.js'),
      token: cache.environment(scope)['ACTIONS_RUNTIME_TOKEN'] ?? '',
      environment: cache.environment(scope),
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

const entryPrefix = 'nix-image-records-'

const recordsOf = async (scope: CacheScope): Promise<Records<'cache'>> => {
  const records = join(folder.path, 'nix-image-records')
  await cacheOf(scope).restore(records, entryPrefix, [entryPrefix])
  return parseCachedRecords(await readFile(join(records, 'records.json'), 'utf8'))
}

const scopes = ['refs/heads/evil', 'refs/heads/mainx', 'refs/heads/Main', 'refs/pull/1/merge', 'refs/tags/v1']

beforeAll(async () => {
  registry = await startRegistry()
  cache = await startCacheService()
  folder = await temporaryFolder('planted')
  honest = await push({ cache: 'false' })

  // Makes the same request and another one, on a branch. The records say which layers each has.
  const evil = { ref: 'refs/heads/evil' }
  await push({ tags: 'first' }, evil)
  await push({ tags: 'second', packages: 'odd' }, evil)
  const { images, layers } = await recordsOf(evil)
  const [other, target] = images as [ImageRecord<'cache'>, ImageRecord<'cache'>]
  const forged: ImageRecord<'cache'> = { ...target, contents: other.contents }
  const [stolen] = other.contents.layers
  const keys = layers.map(({ key }) => key)
  const forgedLayers = keys.map((key) => ({ ...(stolen as NonNullable<typeof stolen>), key }))

  // The name by which a run with the first request looks for records.
  const [, name = ''] = /^nix-image-records-([0-9a-f]{32})-/.exec(cache.entries[0]?.key ?? '') ?? []
  expect(name).not.toBe('')
  cache.clear()
  const files = join(folder.path, 'nix-image-records')
  await mkdir(files, { recursive: true })
  await writeFile(
    join(files, 'records.json'),
    printRecords(addLayers({ ...noRecords('cache'), images: [forged] }, forgedLayers)),
  )
  for (const ref of scopes) {
    const key = `${entryPrefix}${name}-${'0'.repeat(16)}`
    expect(await cacheOf({ ref }).save(files, key)).toBe(key)
    planted++
  }

  const client = new RepositoryClient({ registry: registry.host, name: 'planted' }, undefined, {
    log: { info: () => {} },
    secret: () => {},
    signal: new AbortController().signal,
  })
  await pushRecord(await testTarget(targetPlan(registry.host, 'planted')), forged)
  planted++
  // Puts an image of the other layers under the tag. Each layer has the key of a layer that this run will look for.
  const image = assemble(
    { ...forged.contents, layers: forgedLayers },
    { ...inputs.configuration, created: '1970-01-01T00:00:01Z' },
    'linux/amd64',
  )
  const unexpected = async (): Promise<void> => expect.unreachable()
  await pushImage(client, image, unexpected)
  await pushTags(client, image.manifest, ['v1', 'latest', 'first', 'second'], unexpected)
  planted += forgedLayers.length * 4
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
  await registry.stop()
})

attack('job of a branch', 'image', 'none of at least 20 things is believed with reuse: true', async () => {
  expect(planted).toBeGreaterThanOrEqual(20)
  const step = await push()
  expect(metadata(step).reused).toBe('none')
  expect(step.outputs['digest']).toBe(honest.outputs['digest'])
  return false
})

test('but the registry is believed where the workflow says so, which shows that they are good forgeries', async () => {
  cache.clear()
  const step = await push({ reuse: 'registry' })
  expect(metadata(step).reused).toBe('image')
  expect(step.outputs['digest']).not.toBe(honest.outputs['digest'])
})

test('and so is a record on the branch that has it', async () => {
  const ref = 'refs/heads/evil'
  const files = join(folder.path, 'nix-image-records')
  const key = `${entryPrefix}${'0'.repeat(32)}-0`
  await cacheOf({ ref }).save(files, key)
  const step = await push({}, { ref })
  expect(metadata(step).reused).toBe('image')
  expect(step.outputs['digest']).not.toBe(honest.outputs['digest'])
})
