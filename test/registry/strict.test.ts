import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/descriptor.ts'
import { imageIndex } from '../../src/oci/image-index.ts'
import { pushIndex, pushTags } from '../../src/registry/push.ts'
import { push, type TestImage, testClient, testImage } from '../support/pushed-image.ts'
import { type Quirks, type StrictRegistry, startStrictRegistry } from '../support/strict-registry.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let folder: TemporaryFolder
let image: TestImage
beforeAll(async () => {
  folder = await temporaryFolder('strict')
  image = await testImage(folder.path, 'strict', [6_000_000, 1000])
})
afterAll(() => folder[Symbol.asyncDispose]())

const digest = (): string => image.image.manifest.descriptor.digest

/** Whether the tag names the image, and the registry has all of it. */
const isComplete = ({ blobs, manifests }: StrictRegistry, tag = 'v1'): boolean =>
  [image.image.config, ...image.layers].every(({ descriptor }) => blobs.has(descriptor.digest)) &&
  digestOf(manifests.get(tag) ?? Buffer.alloc(0)) === digest()

const uploadsOf = ({ requests }: StrictRegistry): string[] => requests.filter((line) => /^PUT .*\/blobs\//.test(line))

describe('nothing is done that the specification or GHCR forbids', () => {
  test.each<[string, Quirks]>([
    ['in a plain push', {}],
    ['where no answer has a digest', { noDigests: true }],
    ['where uploads have an absolute place', { place: (path, host) => `http://${host}${path}` }],
    ['where uploads have a relative place', { place: (path) => path.replace('/v2/tools/blobs/uploads/', '') }],
    ['where a commit is refused that another one has made', { refusesCommits: true }],
    ['where a blob is lost before the manifest', { forgets: 1 }],
    ['where a blob is lost before the tag', { forgets: 2 }],
  ])('%s', async (_, quirks) => {
    await using registry = await startStrictRegistry(quirks)
    await push(testClient(registry.host, 'tools'), image)
    expect(registry.violations).toEqual([])
    expect(isComplete(registry)).toBe(true)
    expect(registry.requests.filter((line) => line.startsWith('PATCH'))).toEqual([])
  })
})

test('a blob that the registry has lost is sent once more, and nothing else is', async () => {
  await using registry = await startStrictRegistry({ forgets: 1 })
  await push(testClient(registry.host, 'tools'), image)
  const largest = image.layers[0]?.descriptor.digest ?? ''
  const sent = uploadsOf(registry).map((line) => new URLSearchParams(line.split('?')[1]).get('digest'))
  expect(sent.filter((digest) => digest === largest)).toHaveLength(2)
  expect(sent).toHaveLength(image.layers.length + 2)
})

test('a registry that loses a blob each time is given up, and no tag moves', async () => {
  await using registry = await startStrictRegistry({ forgetsForEver: true })
  await expect(push(testClient(registry.host, 'tools'), image)).rejects.toThrow(
    /refuses what was sent: PUT .* answered 400 MANIFEST_BLOB_UNKNOWN blob unknown to registry/,
  )
  expect([...registry.manifests.keys()]).toEqual([])
  expect(uploadsOf(registry).length).toBeLessThanOrEqual(image.layers.length + 2)
})

test('an index whose images the registry has lost is pushed with them once more', async () => {
  await using registry = await startStrictRegistry()
  const client = testClient(registry.host, 'tools')
  await push(client, image, [])
  ;(registry.manifests as Map<string, Buffer>).clear()
  const index = imageIndex([{ platform: 'linux/amd64', manifest: image.image.manifest.descriptor }], {})
  const repair = () => client.putManifest(image.image.manifest)
  await pushIndex(client, index, repair)
  await pushTags(client, index, ['v1'], repair)
  expect(registry.manifests.has('v1')).toBe(true)
  expect(registry.violations).toEqual([])
})

describe('a registry is found out', () => {
  test.each<[NonNullable<Quirks['lies']>, RegExp]>([
    ['blob', /calls sha256:\w+ sha256:\w+, so the image cannot be relied on/],
    ['manifest', /calls sha256:\w+ sha256:\w+, so the image cannot be relied on/],
    ['tag', /names sha256:\w+ as v1, and does not have it, so the image cannot be relied on/],
  ])('that lies about a %s', async (lies, sentence) => {
    await using registry = await startStrictRegistry({ lies })
    await expect(push(testClient(registry.host, 'tools'), image)).rejects.toThrow(sentence)
  })

  test.each<[NonNullable<Quirks['lies']>, RegExp]>([
    ['blob question', /calls sha256:\w+ sha256:\w+, so the image cannot be relied on/],
    [
      'blob size',
      /has 6000001 bytes as sha256:\w+, which are 6000000, so the image cannot be relied on; run the job again, and if this comes again, tell those who run the registry\.$/,
    ],
  ])('that lies in a %s', async (lies, sentence) => {
    await using registry = await startStrictRegistry({ lies })
    const client = testClient(registry.host, 'tools')
    const [layer] = image.layers
    if (layer) await client.putBlobFile(layer.descriptor, layer.file)
    await expect(push(client, image)).rejects.toThrow(sentence)
    expect([...registry.manifests.keys()]).toEqual([])
  })
})

describe('a layer’s file', () => {
  test('with other bytes than were packed is not stored, and no tag moves', async () => {
    await using registry = await startStrictRegistry()
    const broken = await testImage(folder.path, 'broken', [5000])
    await writeFile(broken.layers[0]?.file ?? '', Buffer.alloc(5000, 'other'))
    await expect(push(testClient(registry.host, 'tools'), broken)).rejects.toThrow(/DIGEST_INVALID/)
    expect(uploadsOf(registry)).toHaveLength(1)
    expect([...registry.manifests.keys()]).toEqual([])
  })

  test.each([4000, 6000])('of another length (%d bytes) is not sent at all', async (length) => {
    await using registry = await startStrictRegistry()
    const broken = await testImage(folder.path, 'short', [5000])
    await writeFile(broken.layers[0]?.file ?? '', Buffer.alloc(length))
    await expect(push(testClient(registry.host, 'tools'), broken)).rejects.toThrow(`has ${length} bytes, not 5000`)
    expect(registry.blobs.size).toBe(0)
  })
})

test('a tag that names the image already is not put again, and one that moves is told', async () => {
  await using registry = await startStrictRegistry()
  const client = testClient(registry.host, 'tools')
  const other = await testImage(folder.path, 'other', [100])
  expect(await push(client, other)).toEqual([])
  expect(await push(client, image)).toEqual([{ tag: 'v1', from: other.image.manifest.descriptor.digest }])
  const before = registry.requests.length
  expect(await push(client, image)).toEqual([])
  const again = registry.requests.slice(before)
  expect(again.filter((line) => line.includes('/manifests/v1'))).toEqual(['HEAD /v2/tools/manifests/v1'])
  expect(uploadsOf({ ...registry, requests: again })).toEqual([])
})

test.each([
  [3, 'is asked again'],
  [9, 'is given up in the end'],
])('a registry that still gives the old image of a tag %d times after it has moved %s', async (staleReads) => {
  await using registry = await startStrictRegistry({ staleReads })
  const client = testClient(registry.host, 'tools')
  const other = await testImage(folder.path, 'stale', [100])
  await push(client, other)
  const from = other.image.manifest.descriptor.digest
  if (staleReads < 4) expect(await push(client, image)).toEqual([{ tag: 'v1', from }])
  else
    await expect(push(client, image)).rejects.toThrow(
      `${registry.host} took v1 and still has ${from} as it; run the job again.`,
    )
})
