import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/descriptor.ts'
import { ownRegistries } from '../support/own-registries.ts'
import { publicRegistries } from '../support/public-registries.ts'
import { push, type TestImage, testClient, testImage } from '../support/pushed-image.ts'
import type { RegistryKind } from '../support/registry-kind.ts'
import { type StrictRegistry, startStrictRegistry } from '../support/strict-registry.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let folder: TemporaryFolder
let image: TestImage
beforeAll(async () => {
  folder = await temporaryFolder('kinds')
  image = await testImage(folder.path, 'kinds', [100_000, 1000, 10])
})
afterAll(() => folder[Symbol.asyncDispose]())

const credentials = { username: 'me', password: 'secret' }

const start = async ({ play }: RegistryKind): Promise<StrictRegistry> => {
  const registry: StrictRegistry = await startStrictRegistry(play(() => registry))
  return registry
}

const named = ({ registry, wants }: RegistryKind): string => `${registry}: ${wants}`
const kinds = [...publicRegistries, ...ownRegistries]

describe('what is wanted is done:', () => {
  test.each(kinds.filter(({ says }) => !says).map((kind) => [named(kind), kind] as const))('%s', async (_, kind) => {
    await using registry = await start(kind)
    const client = testClient(registry.host, 'tools', { credentials })
    await push(client, image)
    for (const { descriptor } of [image.image.config, ...image.layers])
      expect(registry.blobs.has(descriptor.digest)).toBe(true)
    expect(digestOf(registry.manifests.get('v1') ?? Buffer.alloc(0))).toBe(image.image.manifest.descriptor.digest)
    const sent = (): number => registry.requests.filter((line) => line.startsWith('PUT')).length
    const before = sent()
    await push(client, image)
    expect(sent() - before, 'the manifest is put again, and nothing else').toBeLessThanOrEqual(1)
    expect(registry.violations).toEqual([])
  })
})

describe('what is refused is told:', () => {
  test.each(kinds.filter(({ says }) => says).map((kind) => [named(kind), kind] as const))('%s', async (_, kind) => {
    await using registry = await start(kind)
    const logged: string[] = []
    const log = { info: (message: string) => void logged.push(message) }
    const client = testClient(registry.host, 'tools', { credentials, log })
    const refusal = await push(client, image).catch((error: Error) => error.message)
    expect(refusal).toBe(kind.says?.replaceAll('HOST', registry.host))
    expect(logged.at(-1)).toMatch(/^(GET|POST|PUT) http:.* answered 4\d\d /)
    expect(registry.manifests.has('v1')).toBe(false)
    expect(registry.violations).toEqual([])
  })
})

test('each report is named by its repository and number, and each row has one', () => {
  for (const { reports } of kinds) {
    expect(reports.length).toBeGreaterThan(0)
    for (const report of reports) expect(report).toMatch(/^[\w.-]+\/[\w.-]+#\d+$/)
  }
})
