import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Target } from '../../src/publish/target.ts'
import type { ImageRecord } from '../../src/reuse/records.ts'
import { pullRecords, pushRecord } from '../../src/reuse/registry-records.ts'
import { chain } from '../support/closures.ts'
import { silentLog } from '../support/log.ts'
import { type StrictRegistry, startStrictRegistry } from '../support/strict-registry.ts'
import { targetPlan, testTarget } from '../support/targets.ts'

let registry: StrictRegistry
let target: Target
const { signal } = new AbortController()

beforeEach(async () => {
  registry = await startStrictRegistry({ takesIncomplete: true })
  target = await testTarget(targetPlan(registry.host, 'image'))
})
afterEach(() => registry[Symbol.asyncDispose]())

const key = 'a'.repeat(64)

const imageOf = (key: string, bytes = 1): ImageRecord<'cache'> => {
  const env = { A: 'a'.repeat(bytes) }
  const known = {
    packages: [],
    withoutFiles: [],
    conflicts: [],
    danglingLinks: [],
    hasShell: true,
    defaults: { env, cmd: undefined },
  }
  const closure = chain(1)
  const digest = `sha256:${'0'.repeat(64)}` as const
  const layer = {
    descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 1 },
    ...{ diffID: digest, key, storePaths: [...closure.paths.keys()], holds: 'all' },
  }
  return { level: 'cache', key, milliseconds: 1, contents: { ...known, closure, layers: [layer] } }
}

const pull = async (): Promise<{ keys: string[]; told: string[] }> => {
  const told: string[] = []
  const log = { ...silentLog, notice: (message: string) => told.push(message) }
  const records = await pullRecords({ ...target, tags: [] }, [key], { log, signal })
  expect(records.level).toBe('registry')
  expect(records.sources).toEqual([])
  return { keys: records.images.map(({ key }) => key), told }
}

test('a record that was pushed is found as a claim', async () => {
  await pushRecord(target, imageOf(key))
  expect(await pull()).toEqual({ keys: [key], told: [] })
  // A key that begins with the same digits has the same tag.
  await pushRecord(target, imageOf(`${'a'.repeat(63)}b`))
  expect(await pull()).toEqual({ keys: [], told: [] })
})

test('one that is too large to be read is not pushed', async () => {
  const before = registry.requests.length
  await expect(pushRecord(target, imageOf(key, 6_000_000))).rejects.toThrow(
    /^it has 60\d{5} bytes, and no run reads so many$/,
  )
  expect(registry.requests.slice(before)).toEqual([])
})
