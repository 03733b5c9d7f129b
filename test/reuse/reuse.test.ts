import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Layer } from '../../src/image/contents.ts'
import type { PlatformImage } from '../../src/image/platform-image.ts'
import { hashNar } from '../../src/nix/nar.ts'
import type { SourceIdentity } from '../../src/nix/source.ts'
import { type Digest, digestOf } from '../../src/oci/descriptor.ts'
import type { Platform } from '../../src/oci/platform.ts'
import type { Plan } from '../../src/plan.ts'
import { addImage, type ImageRecord, noRecords, printRecords, type Records } from '../../src/reuse/records.ts'
import { requestKey, requestParts } from '../../src/reuse/request-key.ts'
import { sourceKey } from '../../src/reuse/source-key.ts'
import { root } from '../support/action.ts'
import { chain, narHashOf } from '../support/closures.ts'
import { type EarlierRuns, earlierRuns } from '../support/earlier-runs.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { silentLog } from '../support/log.ts'
import { planOf } from '../support/plans.ts'
import { type StrictRegistry, startStrictRegistry } from '../support/strict-registry.ts'
import { targetPlan, testTarget } from '../support/targets.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const layerCount = 64
const narHash = narHashOf('the package set')
const nixDirectory = join(root, 'nix')
const url = 'https://example.org/set.tar.gz'

const source: SourceIdentity = {
  ...{ type: 'tarball', url, revision: undefined, narHash: undefined, claimed: narHash },
  describe: () => '',
  fetch: { by: 'tarball', url, srcType: 'tarball' },
}

let registry: StrictRegistry
let proxy: FaultProxy
let folder: TemporaryFolder

beforeEach(async () => {
  registry = await startStrictRegistry({ takesIncomplete: true })
  proxy = await startFaultProxy(registry.host)
  folder = await temporaryFolder('earlier-runs')
})
afterEach(async () => {
  for (const part of [folder, proxy, registry]) await part[Symbol.asyncDispose]()
})

const bytesOf = (platform: Platform, index: number): Buffer => Buffer.from(`layer ${index} for ${platform}`)

const imageOf = (plan: Plan, platform: Platform): ImageRecord<'cache'> => {
  const closure = chain(layerCount)
  const layers = [...closure.paths.keys()].map((path, index): Layer => {
    const bytes = bytesOf(platform, index)
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip'
    const key = digestOf(Buffer.from(path)).slice('sha256:'.length)
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
    return { descriptor, diffID: digestOf(bytes), key, storePaths: [path], holds: path }
  })
  return {
    level: 'cache',
    key: requestKey(requestParts(plan, platform, narHash, hashNar(nixDirectory))),
    milliseconds: 60_000,
    contents: {
      packages: [],
      withoutFiles: [],
      conflicts: [],
      danglingLinks: [],
      hasShell: true,
      closure,
      defaults: { env: {}, cmd: undefined },
      layers,
    },
  }
}

/** A run on a machine whose cache has records of images. The registry has all their layers. */
const open = async (platforms: readonly Platform[], host: string) => {
  const planned = planOf({ platforms })
  const plan: Plan = {
    ...planned,
    image: { ...planned.image, evaluation: { ...planned.image.evaluation, nixDirectory } },
    target: targetPlan(host, 'image'),
  }
  const sources = [{ level: 'cache', key: sourceKey(source) ?? '', narHash }] as const
  const images = platforms.map((platform) => imageOf(plan, platform))
  const records = images.reduce<Records<'cache'>>(addImage, { ...noRecords('cache'), sources })
  for (const platform of platforms)
    for (let index = 0; index < layerCount; index++) registry.add(bytesOf(platform, index))
  const target = await testTarget(plan.target)
  const store = {
    use: { read: true, save: true },
    cache: {
      restore: async (folder: string) => {
        await mkdir(folder, { recursive: true })
        await writeFile(join(folder, 'records.json'), printRecords(records))
        return 'an-entry'
      },
      reject: () => expect.unreachable(),
      save: () => expect.unreachable(),
    },
  }
  const { signal } = new AbortController()
  const earlier = earlierRuns(plan, store, target, { log: silentLog, temporary: folder.path, signal })
  return { earlier, target, plan }
}

/** Everything that such a run asks the registry after the check whether it may push. */
const publish = async ({ earlier, target, plan }: Awaited<ReturnType<typeof open>>): Promise<PlatformImage[]> => {
  await earlier.recall(source)
  const images: PlatformImage[] = []
  for (const platform of plan.platforms) {
    const image = await earlier.image(platform)
    if (image) images.push(image)
  }
  if (images.length === plan.platforms.length) await target.publish(images)
  return images
}

test.each<[string, readonly Platform[]]>([
  ['one image', ['linux/amd64']],
  ['two', ['linux/amd64', 'linux/arm64']],
])('a run that changes nothing asks for each layer of %s once, in time', async (_, platforms) => {
  // The first run also sends a configuration and a manifest.
  await publish(await open(platforms, registry.host))
  const again = await open(platforms, registry.host)
  const asked = registry.requests.length
  const start = performance.now()
  expect(await publish(again)).toHaveLength(platforms.length)
  const milliseconds = performance.now() - start
  const requests = registry.requests.slice(asked)
  expect(requests.length).toBeLessThanOrEqual(layerCount * platforms.length + 10)
  expect(requests.filter((line) => /^HEAD .*\/blobs\//.test(line))).toHaveLength((layerCount + 1) * platforms.length)
  expect(milliseconds).toBeLessThan(1000 * platforms.length)
})

test('so does one that has a configuration to send, for another label', async () => {
  const run = await open(['linux/amd64'], registry.host)
  const asked = registry.requests.length
  expect(await publish(run)).toHaveLength(1)
  const requests = registry.requests.slice(asked)
  expect(requests.filter((line) => /^PUT .*\/blobs\//.test(line))).toHaveLength(1)
  expect(requests.length).toBeLessThanOrEqual(layerCount + 10)
})

test('layers are asked for six at a time, all before the manifest is put', async () => {
  const run = await open(['linux/amd64'], proxy.host)
  proxy.follow([
    { fits: (method, path) => method === 'HEAD' && path.includes('/blobs/'), fault: { delay: 20 }, times: 1000 },
  ])
  const start = performance.now()
  await publish(run)
  expect(performance.now() - start).toBeLessThan(20 * layerCount)
  expect(registry.mostAtOnce()).toBeLessThanOrEqual(6)
  const order = proxy.requests.map(({ method, path }) => `${method} ${path}`)
  const put = order.findIndex((line) => /^PUT .*\/manifests\//.test(line))
  const heads = order.flatMap((line, index) => (/^HEAD .*\/blobs\//.test(line) ? [index] : []))
  expect(heads).toHaveLength(layerCount + 1)
  expect(Math.max(...heads)).toBeLessThan(put)
})

test.each([0, 31, 63])('without layer %d there is no image, and no manifest is put', async (index) => {
  const run = await open(['linux/amd64'], registry.host)
  const digest: Digest = digestOf(bytesOf('linux/amd64', index))
  registry.lose({ digest })
  expect(await publish(run)).toEqual([])
  expect(registry.manifests.size).toBe(0)
  // The image is not tried again after the source was fetched.
  expect(await run.earlier.image('linux/amd64')).toBeUndefined()
  expect(registry.requests.filter((line) => line.endsWith(digest))).toHaveLength(1)
})

const hashKnown = async (earlier: EarlierRuns, changes: Partial<SourceIdentity>): Promise<string | undefined> =>
  (await earlier.recall({ ...source, ...changes })).narHash

test('what a source holds is known by a record of just that URL, revision and hash', async () => {
  const known = async (changes: Partial<SourceIdentity>): Promise<string | undefined> =>
    hashKnown((await open([], registry.host)).earlier, changes)
  expect(await known({})).toBe(narHash)
  expect(await known({ claimed: narHashOf('something else') })).toBeUndefined()
  expect(await known({ revision: 'f'.repeat(40) })).toBeUndefined()
  expect(await known({ fetch: { by: 'tarball', url: `${url}?other`, srcType: 'tarball' } })).toBeUndefined()
  // Without a hash and without a revision, the source may have changed.
  expect(await known({ claimed: undefined })).toBeUndefined()
  // A hash that was computed here needs no record.
  expect(await known({ fetch: { by: 'path', path: '/set', ignored: [] }, narHash: narHashOf('files') })).toBe(
    narHashOf('files'),
  )
})
