import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { pushLayer } from '../../src/registry/push.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { anySchedule, passingStatuses, singleFaults, stages, statusStages } from '../support/faults.ts'
import { hurried, pulledDigest, push, type TestImage, testClient, testImage } from '../support/pushed-image.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let registry: Registry
let withTokens: Registry
let folder: TemporaryFolder
beforeAll(async () => {
  ;[registry, withTokens] = await Promise.all([startRegistry(), startRegistry({ auth: 'token', tokenLifetime: 2 })])
  folder = await temporaryFolder('push')
})
afterAll(async () => {
  await Promise.all([registry.stop(), withTokens.stop()])
  await folder[Symbol.asyncDispose]()
})

let images = 0
/** An image of which no registry has anything, and the name of a repository that does not exist. */
const fresh = async (sizes = [300_000, 70_000]): Promise<TestImage & { name: string; digest: string }> => {
  const name = `image-${images++}`
  const made = await testImage(folder.path, name, sizes)
  return { ...made, name, digest: made.image.manifest.descriptor.digest }
}

const bytesOfBlobs = ({ requests }: FaultProxy): number =>
  requests.filter(({ path }) => path.includes('/blobs/')).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
const sizeOf = ({ image, layers }: TestImage): number =>
  [image.config, ...layers].reduce((sum, { descriptor }) => sum + descriptor.size, 0)

describe('a push is complete after', () => {
  test.each(singleFaults)('%s', async (_, stage, fault) => {
    await using proxy = await startFaultProxy(registry.host, [{ fits: stages[stage], fault }])
    const image = await fresh()
    await push(testClient(proxy.host, image.name), image)
    expect(proxy.requests.filter((request) => request.fault)).toHaveLength(1)
    expect(await pulledDigest(registry.host, image.name, 'v1')).toBe(image.digest)
  })

  // Tests each status and each stage; the benchmark tests all pairs.
  test.each(passingStatuses.map((status, index) => [status, statusStages[index % 5] ?? 'token'] as const))(
    '%d at the first %s',
    async (status, stage) => {
      await using proxy = await startFaultProxy(withTokens.host, [{ fits: stages[stage], fault: { answer: status } }])
      const image = await fresh([3000])
      const client = testClient(proxy.host, image.name, { credentials: withTokens, clock: hurried(1000) })
      await push(client, image)
      expect(proxy.requests.filter((request) => request.fault)).toHaveLength(1)
      expect(await client.resolve('v1')).toBe(image.digest)
    },
  )

  test.each([0, 1000, 0.5, 1])(
    'a reset at %d of an upload, of which one blob at most is sent again',
    async (resetAt) => {
      await using proxy = await startFaultProxy(registry.host, [{ fits: stages.upload, fault: { resetAt } }])
      const image = await fresh([2_000_000])
      await push(testClient(proxy.host, image.name), image)
      expect(await pulledDigest(registry.host, image.name, 'v1')).toBe(image.digest)
      expect(bytesOfBlobs(proxy)).toBeLessThanOrEqual(sizeOf(image) + 2_000_000)
    },
  )

  test.each([
    ['an answer that never ends', 'stall answer'],
    ['an answer that ends too early', 'cut answer'],
    ['no word of the commit', 'lose answer'],
  ] as const)('%s, and a blob that was committed is not sent again', async (_, fault) => {
    await using proxy = await startFaultProxy(registry.host, [{ fits: stages['commit of a blob'], fault }])
    const image = await fresh()
    await push(testClient(proxy.host, image.name), image)
    expect(await pulledDigest(registry.host, image.name, 'v1')).toBe(image.digest)
    expect(bytesOfBlobs(proxy)).toBe(sizeOf(image))
  })

  test('nobody takes the rest of a large layer', async () => {
    await using proxy = await startFaultProxy(registry.host, [{ fits: stages.upload, fault: 'hang' }])
    const image = await fresh([30_000_000])
    const client = testClient(proxy.host, image.name)
    await push(client, image)
    expect(await pulledDigest(registry.host, image.name, 'v1')).toBe(image.digest)
    expect(client.bytesSent).toBeLessThan(2 * 30_000_000)
  })

  test('a lost answer to each kind of request, twice', async () => {
    const fault = 'lose answer'
    const rules = Object.values(stages).map((fits) => ({ fits, fault, times: 2 }) as const)
    await using proxy = await startFaultProxy(registry.host, rules)
    const image = await fresh([1000, 2000, 3000])
    await push(testClient(proxy.host, image.name), image)
    expect(await pulledDigest(registry.host, image.name, 'v1')).toBe(image.digest)
    expect(new Set(proxy.requests.filter((request) => request.fault).map(({ method }) => method))).toEqual(
      new Set(['HEAD', 'POST', 'PUT']),
    )
  })

  test('tokens that expire before, during and after each upload', async () => {
    const late = { fault: { delay: 2100 }, times: 2 }
    await using proxy = await startFaultProxy(withTokens.host, [
      { fits: stages['question for a blob'], ...late },
      { fits: stages['commit of a blob'], ...late },
      { fits: stages.manifest, ...late, times: 1 },
    ])
    const image = await fresh([1000, 2000])
    const client = testClient(proxy.host, image.name, { credentials: withTokens, clock: hurried(200, 10_000) })
    await push(client, image)
    expect(await client.resolve('v1')).toBe(image.digest)
    // One token at the beginning, and one for each time that the token had expired, however many requests were refused
    // then.
    expect(proxy.requests.filter(({ path }) => path.startsWith('/token'))).toHaveLength(4)
  })
})

describe('a push fails at once, and says what to do,', () => {
  const denied = '{"errors":[{"code":"DENIED","message":"permission_denied: write_package"}]}'
  test.each<[string, keyof typeof stages, number, string, RegExp]>([
    [
      'when it may not write',
      'start of an upload',
      403,
      denied,
      /says "permission_denied: write_package"; give the workflow's repository the role "Write" under "Manage Actions access" in the settings of the package 127\.0\.0\.1:\d+\/[\w-]+, and the job `permissions: packages: write`\.$/,
    ],
    [
      'when a layer is too large',
      'upload',
      413,
      '',
      /refuses a blob as too large; raise `max-layers`, which makes the layers smaller\.$/,
    ],
    [
      'when a manifest is not wanted',
      'manifest',
      415,
      '',
      /refuses what was sent: PUT .* answered 415; check that it takes OCI images\.$/,
    ],
  ])('%s', async (_, stage, status, body, sentence) => {
    const fault = { answer: status, body }
    await using proxy = await startFaultProxy(withTokens.host, [{ fits: stages[stage], fault, times: 9 }])
    const image = await fresh([5_000_000])
    const client = testClient(proxy.host, image.name, { credentials: withTokens })
    await expect(push(client, image)).rejects.toThrow(sentence)
    // A 403 to who has said nothing yet is asked about once more, with authorization.
    expect(proxy.requests.filter((request) => request.fault).length).toBeLessThanOrEqual(2)
  })
})

test('a registry that is out of order is given up in the end, and says so', async () => {
  const fault = { answer: 503 }
  await using proxy = await startFaultProxy(registry.host, [{ fits: () => true, fault, times: 1000 }])
  const image = await fresh()
  await expect(push(testClient(proxy.host, image.name, { clock: hurried(2000) }), image)).rejects.toThrow(
    `${proxy.host} is out of order (it answers 503); run the job again later.`,
  )
  expect(proxy.requests).toHaveLength(8)
})

test('a layer is said to have been sent where it was, also if the answer was lost, and to have been there where it was', async () => {
  await using proxy = await startFaultProxy(registry.host, [{ fits: stages['commit of a blob'], fault: 'lose answer' }])
  const { name, layers } = await fresh([1000])
  const client = testClient(proxy.host, name)
  for (const layer of layers) {
    expect(await pushLayer(client, layer)).toBe('sent')
    expect(await pushLayer(client, layer)).toBe('there')
  }
  expect(proxy.requests.filter((request) => request.fault)).toHaveLength(1)
})

test('a second push of the same image sends no byte of a blob', async () => {
  await using proxy = await startFaultProxy(registry.host)
  const image = await fresh([1000, 2000, 3000])
  await push(testClient(proxy.host, image.name), image)
  const before = proxy.requests.length
  await push(testClient(proxy.host, image.name), image)
  const again = proxy.requests.slice(before)
  expect(again.filter(({ path, bodyBytes }) => path.includes('/blobs/') && bodyBytes > 0)).toEqual([])
  expect(again.length).toBeLessThanOrEqual(image.layers.length + 7)
})

test('many that push the same at once all succeed', async () => {
  const image = await fresh([200_000, 1000])
  await Promise.all(Array.from({ length: 16 }, () => push(testClient(registry.host, image.name), image)))
  expect(await pulledDigest(registry.host, image.name, 'v1')).toBe(image.digest)
})

test('many that push different images to one tag at once all succeed, and the tag is one of them, whole', async () => {
  const made = await Promise.all(Array.from({ length: 16 }, () => fresh([1000])))
  const moved = await Promise.all(made.map((image) => push(testClient(registry.host, 'shared-tag'), image, ['latest'])))
  const named = await pulledDigest(registry.host, 'shared-tag', 'latest')
  expect(made.map(({ digest }) => digest)).toContain(named)
  // A job that was overtaken learns by which image.
  for (const { rival } of moved.flat()) if (rival) expect(made.map(({ digest }) => digest)).toContain(rival)
})

test('whatever happens, a push ends with its image under the tag, or with a sentence and the old one, whole', async () => {
  await using proxy = await startFaultProxy(registry.host)
  await fc.assert(
    fc.asyncProperty(anySchedule, async (rules) => {
      const old = await fresh([500])
      const image = await fresh([60_000, 3000])
      proxy.follow([])
      await push(testClient(proxy.host, image.name), old)
      proxy.follow(rules)
      const error = await push(testClient(proxy.host, image.name, { clock: hurried(1000, 150) }), image).then(
        () => undefined,
        (error: unknown) => error,
      )
      const named = await pulledDigest(registry.host, image.name, 'v1')
      if (error === undefined) expect(named).toBe(image.digest)
      else {
        expect(error).toBeInstanceOf(UserError)
        expect([old.digest, image.digest]).toContain(named)
      }
    }),
    { numRuns: 15 },
  )
})
