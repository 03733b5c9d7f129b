import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fault, startFaultProxy } from '../support/fault-proxy.ts'
import { pulledDigest, push, type TestImage, testClient, testImage } from '../support/pushed-image.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let registry: Registry
let folder: TemporaryFolder
beforeAll(async () => {
  registry = await startRegistry()
  folder = await temporaryFolder('push')
})
afterAll(async () => {
  await registry.stop()
  await folder[Symbol.asyncDispose]()
})

/** An image that the registry has nothing of. */
const freshImage = (name: string, sizes = [300_000, 70_000]): Promise<TestImage> => testImage(folder.path, name, sizes)

const stages: [string, (method: string, path: string) => boolean][] = [
  ['question for a blob', (method, path) => method === 'HEAD' && path.includes('/blobs/')],
  ['start of an upload', (method) => method === 'POST'],
  ['upload', (method, path) => method === 'PUT' && path.includes('/blobs/')],
  ['manifest', (method, path) => method === 'PUT' && path.includes('/manifests/sha256')],
  ['tag', (method, path) => method === 'PUT' && path.endsWith('/manifests/v1')],
  ['reading back', (method, path) => method === 'HEAD' && path.endsWith('/manifests/v1')],
]

const faults: [string, Fault][] = [
  ['503', { answer: 503 }],
  ['429', { answer: 429, headers: { 'retry-after': '1' } }],
  ['a reset', { resetAt: 0 }],
  ['a lost answer', 'lose answer'],
  ['a cut answer', 'cut answer'],
  ['no answer', 'hang'],
]

describe('a push is complete', () => {
  test.each(faults.flatMap(([name, fault]) => stages.map(([stage, fits]) => [name, stage, fault, fits] as const)))(
    'after %s at the first %s',
    async (fault, stage, does, fits) => {
      await using proxy = await startFaultProxy(registry.host, [{ fits, fault: does }])
      const name = `${fault}-${stage}`.replaceAll(/[^a-z0-9]+/g, '-')
      const image = await freshImage(name)
      await push(testClient(proxy.host, name), image)
      expect(proxy.requests.filter((request) => request.fault)).toHaveLength(1)
      expect(await pulledDigest(registry.host, name, 'v1')).toBe(image.image.manifest.descriptor.digest)
    },
  )
})
