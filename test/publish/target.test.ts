import { access, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PlatformImage } from '../../src/image/platform-image.ts'
import { type Digest, digestOf } from '../../src/oci/descriptor.ts'
import type { Platform } from '../../src/oci/platform.ts'
import { isLost } from '../../src/publish/lost-layers.ts'
import type { Target } from '../../src/publish/target.ts'
import type { LayerFile } from '../../src/registry/push.ts'
import { closureOf } from '../support/closures.ts'
import { silentLog } from '../support/log.ts'
import { type TestImage, testImage } from '../support/pushed-image.ts'
import { type StrictRegistry, startStrictRegistry } from '../support/strict-registry.ts'
import { targetPlan, testTarget } from '../support/targets.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const fact = { isClaim: false }

let folder: TemporaryFolder
let made: TestImage
let other: TestImage

beforeAll(async () => {
  folder = await temporaryFolder('target')
  made = await testImage(folder.path, 'made', [5000, 1000])
  other = await testImage(folder.path, 'other', [3000])
})
afterAll(() => folder[Symbol.asyncDispose]())

const platformImage = ({ image }: TestImage, platform: Platform = 'linux/amd64'): PlatformImage => ({
  platform,
  image,
  isPartial: false,
  reused: undefined,
  contents: {
    ...{
      packages: [],
      withoutFiles: [],
      conflicts: [],
      danglingLinks: [],
      hasShell: true,
      defaults: { env: {}, cmd: undefined },
    },
    ...{ closure: closureOf(['a'], { a: {} }), layers: [] },
  },
})

/** Delivers all layers, as a run that builds them does. Returns the digests of the layers that are packed once more. */
const deliverAll = async (target: Target, { layers }: TestImage): Promise<Digest[]> => {
  const again: Digest[] = []
  for (const layer of layers) {
    await target.deliver(layer)
    target.keep(layer.descriptor.digest, async (): Promise<LayerFile> => {
      again.push(layer.descriptor.digest)
      const file = `${layer.file}-${again.length}`
      await copyFile(layer.file, file)
      return { ...layer, file }
    })
  }
  return again
}

const saying = () => {
  const said: string[] = []
  const say = (message: string): void => void said.push(message)
  return { said, log: { ...silentLog, info: say, notice: say, warning: say } }
}

const requestsOf = ({ requests }: StrictRegistry, kind: RegExp): string[] => requests.filter((line) => kind.test(line))

test('layers, image and tags are pushed, and the log says where to', async () => {
  await using registry = await startStrictRegistry()
  const { said, log } = saying()
  const target = await testTarget(targetPlan(registry.host, 'tools', { tags: ['v1', 'latest'] }), { log })
  expect(await target.deliver(made.layers[0] as LayerFile)).toBe('sent')
  expect(await target.deliver(made.layers[0] as LayerFile)).toBe('there')
  await deliverAll(target, made)
  const top = await target.publish([platformImage(made)])
  expect(top).toBe(made.image.manifest)
  for (const tag of ['v1', 'latest'])
    expect(digestOf(registry.manifests.get(tag) ?? Buffer.of())).toBe(top.descriptor.digest)
  expect(said).toEqual([`Pushed ${registry.host}/tools@${top.descriptor.digest} as v1, latest`])
  expect(target.delivered()).toMatchObject({ pushed: true, tags: ['v1', 'latest'], layout: undefined })
  expect(target.delivered().bytesSent).toBeGreaterThan(6000)
})

test('of several platforms, the tags point at the index', async () => {
  await using registry = await startStrictRegistry()
  const target = await testTarget(targetPlan(registry.host, 'tools', { indexAnnotations: { a: 'b' } }))
  for (const image of [made, other]) await deliverAll(target, image)
  const top = await target.publish([platformImage(made), platformImage(other, 'linux/arm64')])
  const index = JSON.parse(`${registry.manifests.get('v1')}`)
  expect(digestOf(registry.manifests.get('v1') ?? Buffer.of())).toBe(top.descriptor.digest)
  expect(index).toMatchObject({ annotations: { a: 'b' } })
  expect(index.manifests).toHaveLength(2)
})

test.each([
  ['before the image', 1],
  ['before the tag', 2],
])('a layer that the registry loses %s is packed and sent once more, and its file removed', async (_, forgets) => {
  await using registry = await startStrictRegistry({ forgets })
  const target = await testTarget(targetPlan(registry.host, 'tools'))
  const again = await deliverAll(target, made)
  await target.publish([platformImage(made)])
  expect(again).toEqual([made.layers[0]?.descriptor.digest])
  expect(registry.blobs.has(again[0] ?? '')).toBe(true)
  await expect(access(`${made.layers[0]?.file}-1`)).rejects.toThrow('ENOENT')
})

test('a layer is sent once more, too, where the registry takes a manifest that it has without a look', async () => {
  await using registry = await startStrictRegistry({ forgets: 2, knowsManifests: true })
  const target = await testTarget(targetPlan(registry.host, 'tools'))
  const again = await deliverAll(target, made)
  await target.push(platformImage(made))
  await target.publish([platformImage(made)])
  expect(again).toEqual([made.layers[0]?.descriptor.digest])
})

test('what is packed instead of a layer that only a claim has named is not sent', async () => {
  await using registry = await startStrictRegistry({ forgets: 1 })
  const target = await testTarget(targetPlan(registry.host, 'tools'))
  const [largest, ...rest] = made.layers as [LayerFile, ...LayerFile[]]
  for (const layer of [largest, ...rest]) await target.deliver(layer)
  const pack = async (): Promise<LayerFile> => {
    const file = join(folder.path, 'packed-instead')
    const layer = other.layers[0] as LayerFile
    await copyFile(layer.file, file)
    return { ...layer, file }
  }
  target.keep(largest.descriptor.digest, pack)
  const error = await target.publish([platformImage(made)]).catch((error: unknown) => error)
  expect(`${error}`).toContain(`has lost ${largest.descriptor.digest}`)
  expect(isLost(error)).toBe(true)
  expect(registry.blobs.has(other.layers[0]?.descriptor.digest ?? '')).toBe(false)
  await expect(access(join(folder.path, 'packed-instead'))).rejects.toThrow('ENOENT')
  // The run may also know how to make the layer itself.
  await deliverAll(target, made)
  await target.publish([platformImage(made)])
  expect(registry.manifests.has('v1')).toBe(true)
})

test('a tag that moved before the next one failed is told once, and not again by the attempt that moves all', async () => {
  await using registry = await startStrictRegistry({ forgets: 6 })
  const tags = ['v1', 'latest']
  const before = await testTarget(targetPlan(registry.host, 'tools', { tags }))
  await deliverAll(before, other)
  const from = (await before.publish([platformImage(other)])).descriptor.digest
  const { said, log } = saying()
  const target = await testTarget(targetPlan(registry.host, 'tools', { tags, attempt: 2, commit: 'c0ffee' }), { log })
  for (const layer of made.layers) await target.deliver(layer)
  await expect(target.publish([platformImage(made)])).rejects.toThrow('has lost')
  const name = `${registry.host}/tools`
  const { digest } = made.image.manifest.descriptor
  const moves = (tag: string): string =>
    `${name}:${tag} named ${from} and now names ${digest}. This is attempt 2 of a run for the commit c0ffee; if a newer commit had set the tag, run that one again.`
  expect(said.splice(0)).toEqual([
    `PUT http://${registry.host}/v2/tools/manifests/latest answered 400 MANIFEST_BLOB_UNKNOWN blob unknown to registry`,
    moves('v1'),
    `${name} names ${digest} as v1 already, but the push failed at latest.`,
  ])
  await deliverAll(target, made)
  await target.publish([platformImage(made)])
  expect(said).toEqual([`Pushed ${name}@${digest} as v1, latest`, moves('latest')])
})

test('an image of layers that are there is taken once, and not pushed again when it is published', async () => {
  await using registry = await startStrictRegistry()
  const before = await testTarget(targetPlan(registry.host, 'tools'))
  await deliverAll(before, made)
  const target = await testTarget(targetPlan(registry.host, 'tools'))
  expect(await target.takes(made.image, fact)).toBe(true)
  await target.publish([platformImage(made)])
  const { digest } = made.image.manifest.descriptor
  expect(requestsOf(registry, new RegExp(`^PUT .*/manifests/${digest}`))).toHaveLength(1)
})

test('an image is not taken without all of its layers, and where they are lost later, the error says that they are', async () => {
  await using registry = await startStrictRegistry()
  const target = await testTarget(targetPlan(registry.host, 'tools'))
  expect(await target.takes(made.image, fact)).toBe(false)
  expect(await target.has((made.layers[0] as LayerFile).descriptor, fact)).toBe(false)
  await target.deliver(made.layers[0] as LayerFile)
  expect(await target.takes(made.image, fact)).toBe(false)
  expect(registry.manifests.size).toBe(0)

  const error = await target.publish([platformImage(made)]).catch((error: unknown) => error)
  expect(`${error}`).toContain(
    `${registry.host}/tools has lost ${made.layers[1]?.descriptor.digest}, which an earlier run pushed; run the job again.`,
  )
  expect(isLost(error)).toBe(true)
  // Layers that were made again are pushed again, even if the registry accepted them before.
  await deliverAll(target, made)
  await target.publish([platformImage(made)])
  expect(registry.manifests.has('v1')).toBe(true)
})

test('what is wrong with a claim is not believed, and what is wrong with a fact is an error', async () => {
  await using registry = await startStrictRegistry({ lies: 'blob size' })
  const target = await testTarget(targetPlan(registry.host, 'tools'))
  const { descriptor } = made.layers[0] as LayerFile
  registry.add(await readFile((made.layers[0] as LayerFile).file))
  expect(await target.has(descriptor, { isClaim: true })).toBe(false)
  await expect(target.has(descriptor, fact)).rejects.toThrow('so the image cannot be relied on')
})

test('without a push nothing is asked, and the log says why and where the layout is', async () => {
  await using registry = await startStrictRegistry()
  const { said, log } = saying()
  const layout = join(folder.path, 'layout')
  const notPushed = { level: 'notice', message: 'not today' } as const
  const timings = {}
  const plan = targetPlan(registry.host, 'tools', { push: false, notPushed, layout })
  const target = await testTarget(plan, { log, timings })
  expect(await target.deliver(made.layers[0] as LayerFile)).toBeUndefined()
  expect(await target.has((made.layers[0] as LayerFile).descriptor, fact)).toBe(false)
  expect(await target.takes(made.image, fact)).toBe(true)
  await deliverAll(target, made)
  const { descriptor } = await target.publish([platformImage(made)])
  expect(said).toEqual(['not today', `The image layout is in ${layout}`])
  expect(await readFile(join(layout, 'index.json'), 'utf8')).toContain(descriptor.digest)
  await target.push(platformImage(made))
  expect(registry.requests).toEqual([])
  expect(timings).toEqual({})
  expect(target.delivered()).toMatchObject({ pushed: false, layout, requests: 0, bytesSent: 0 })
})

test('a layout is written before a tag moves, and as an archive where the path says so', async () => {
  await using registry = await startStrictRegistry()
  const layout = join(folder.path, 'out', 'image.tar')
  const temporary = join(folder.path, 'temporary')
  await mkdir(temporary)
  const target = await testTarget(targetPlan(registry.host, 'tools', { layout }), { temporary })
  await deliverAll(target, made)
  await rm(dirname(layout), { recursive: true })
  await expect(target.publish([platformImage(made)])).rejects.toMatchObject({ code: 'ENOENT' })
  expect([...registry.manifests.keys()]).toEqual([])
  await mkdir(dirname(layout))
  await target.publish([platformImage(made)])
  expect(registry.manifests.has('v1')).toBe(true)
  expect(await readdir(dirname(layout))).toEqual(['image.tar'])
})

test('of several platforms, Docker is given the image of this machine', async () => {
  const layout = join(folder.path, 'both')
  for (const [platform, { image }] of [
    ['linux/amd64', made],
    ['linux/arm64', other],
  ] as const) {
    const target = await testTarget(targetPlan('127.0.0.1:1', 'tools', { push: false, layout, platform }))
    await target.publish([platformImage(made), platformImage(other, 'linux/arm64')])
    const [{ Config }] = JSON.parse(await readFile(join(layout, 'manifest.json'), 'utf8'))
    expect(`sha256:${basename(Config)}`).toBe(image.config.descriptor.digest)
  }
})

test('a folder that cannot be a layout is told before anything is asked', async () => {
  await using registry = await startStrictRegistry()
  const layout = join(folder.path, 'no-layout')
  await writeFile(layout, '')
  await expect(testTarget(targetPlan(registry.host, 'tools', { layout }))).rejects.toThrow('`output` is')
  expect(registry.requests).toEqual([])
})
