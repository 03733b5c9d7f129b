import { afterEach, beforeEach, expect, test } from 'vitest'
import { pinned } from '../../src/nix/source.ts'
import { isLost } from '../../src/publish/lost-layers.ts'
import { findImage } from '../../src/reuse/records.ts'
import { inputs } from '../support/plans.ts'
import {
  fetchedSource,
  keyOf,
  platform,
  type RememberingRuns,
  rememberingRuns,
  requestOf,
  unfetchedSource,
} from '../support/remembering-runs.ts'

let world: RememberingRuns

beforeEach(async () => {
  world = await rememberingRuns()
})
afterEach(() => world[Symbol.asyncDispose]())

test('what a run built and fetched is known to the next one', async () => {
  const first = await world.remember(['a', 'b'])
  expect(world.entries).toHaveLength(1)
  expect(findImage(world.records(), requestOf(first))?.milliseconds).toBe(1234)
  const second = await world.run()
  const recalled = await second.earlier.recall(unfetchedSource)
  expect(recalled).toEqual(fetchedSource)
  expect(second.told).toContain(`The request key for ${platform} is ${requestOf(first)}`)
  expect(second.told).toContain(`nixpkgs: ${fetchedSource.narHash}`)
  const image = await second.earlier.image(platform)
  expect(image).toMatchObject({ platform, reused: { milliseconds: 1234 } })
  const layers = image?.contents.layers.map(({ made, isClaim, blob, ...layer }) => {
    expect([made, isClaim, blob]).toEqual(['reused', false, 'there'])
    return layer
  })
  expect({ ...image?.contents, layers }).toEqual(world.contentsOf(['a', 'b']))
  expect(second.told).toContain(`The image for ${platform} is made of what an earlier run built; nothing is evaluated.`)
  expect(world.registry.manifests.has(image?.image.manifest.descriptor.digest ?? '')).toBe(true)
  expect(pinned(second.earlier.known().source)).toMatchObject({
    description: `https://example.org/set.tar.gz with ${fetchedSource.narHash}`,
  })
})

test('what was built without a sandbox is no image of a run that wants one, nor the other way round', async () => {
  for (const [before, after] of [
    ['off', 'require'],
    ['off', 'auto'],
    ['auto', 'require'],
    ['require', 'off'],
  ] as const) {
    await world.remember(['a'], { nix: { ...inputs.nix, sandbox: before } })
    const run = await world.run({ nix: { ...inputs.nix, sandbox: after } })
    await run.earlier.recall(unfetchedSource)
    expect(await run.earlier.image(platform), `${before}, then ${after}`).toBe(undefined)
    world.entries.length = 0
  }
})

test('the time of each image is known', async () => {
  const platforms = ['linux/amd64', 'linux/arm64'] as const
  const first = await world.run({ platforms: [...platforms] })
  await first.earlier.recall(fetchedSource)
  await first.earlier.remember(
    platforms.map((on) => world.built(first, ['a'], { on })),
    1000,
  )
  const second = await world.run({ platforms: [...platforms] })
  await second.earlier.recall(unfetchedSource)
  for (const on of platforms)
    expect(await second.earlier.image(on)).toMatchObject({ platform: on, reused: { milliseconds: 1000 } })
})

test('a run that changes nothing saves nothing', async () => {
  await world.remember(['a'])
  const second = await world.run()
  await second.earlier.recall(unfetchedSource)
  const image = await second.earlier.image(platform)
  await second.earlier.remember(image ? [image] : [], 5)
  expect(world.entries).toHaveLength(1)
  // A run that built the same once more saves nothing either.
  await world.remember(['a'])
  expect(world.entries).toHaveLength(1)
})

test('what is added to the records leaves what they have', async () => {
  const first = await world.remember(['a'])
  const other = await world.remember(['b'], { packages: ['other'] })
  expect(world.entries).toHaveLength(2)
  expect(world.records().images.map(({ key }) => key)).toEqual([requestOf(other), requestOf(first)])
  expect(world.records().layers.map(({ key }) => key)).toEqual([keyOf('b'), keyOf('a')])
  expect(world.records().sources).toHaveLength(1)
})

test('of a folder nothing is remembered but its images, since it is hashed every time', async () => {
  const first = await world.run()
  const path = { ...fetchedSource, fetch: { by: 'path', path: '/set', ignored: [] } } as const
  await first.earlier.recall(path)
  await first.earlier.remember([world.built(first, ['a'])], 1)
  expect(world.records().sources).toEqual([])
  const second = await world.run()
  await second.earlier.recall(path)
  expect(await second.earlier.image(platform)).toMatchObject({ reused: { milliseconds: 1 } })
})

test('what a commit holds is known without a hash that somebody gives', async () => {
  const commit = { ...fetchedSource, revision: 'a'.repeat(40), claimed: undefined }
  const first = await world.run()
  await first.earlier.recall(commit)
  await first.earlier.remember([world.built(first, ['a'])], 1)
  const recall = async (changes: object) =>
    (await (await world.run()).earlier.recall({ ...commit, narHash: undefined, ...changes })).narHash
  expect(await recall({})).toBe(fetchedSource.narHash)
  expect(await recall({ revision: 'b'.repeat(40) })).toBeUndefined()
})

test('an image of layers that the cache knows is as well known as they are', async () => {
  await world.remember(['a'])
  const second = await world.run({ packages: ['other'] })
  await second.earlier.recall(unfetchedSource)
  expect(await second.earlier.layer(keyOf('a'))).toBeDefined()
  await second.earlier.remember([world.built(second, ['a', 'b'], { found: ['a'] })], 1)
  expect(findImage(world.records(), requestOf(second))).toBeDefined()
})

test('an image of which something could not be evaluated is no image of later runs, and its layers are known', async () => {
  const first = await world.run()
  await first.earlier.recall(fetchedSource)
  await first.earlier.remember([{ ...world.built(first, ['a']), isPartial: true }], 1)
  expect(world.records().images).toEqual([])
  expect(world.records().layers.map(({ key }) => key)).toEqual([keyOf('a')])
})

test('a run that does not push remembers nothing', async () => {
  const local = await world.run({ push: 'false' })
  await local.earlier.recall(fetchedSource)
  await local.earlier.remember([world.built(local, ['a'])], 1)
  expect(world.entries).toEqual([])
})

test('a run that does not push makes the image, and asks the registry for nothing', async () => {
  await world.remember(['a'])
  const second = await world.run({ push: 'false' })
  await second.earlier.recall(unfetchedSource)
  const requests = await world.asked(async () => {
    expect(await second.earlier.image(platform)).toMatchObject({ reused: { milliseconds: 1234 } })
    expect(await second.earlier.layer(keyOf('a'))).toBeUndefined()
  })
  expect(requests).toEqual([])
})

test('with `reuse: false` nothing is used, not even what is known of the source, and it is remembered all the same', async () => {
  await world.remember(['a'])
  const second = await world.run({ reuse: 'false' })
  expect(await second.earlier.recall(unfetchedSource)).toEqual(unfetchedSource)
  await second.earlier.recall(fetchedSource)
  expect(await second.earlier.image(platform)).toBeUndefined()
  expect(await second.earlier.layer(keyOf('a'))).toBeUndefined()
  await second.earlier.remember([world.built(second, ['a', 'b'])], 1)
  expect(findImage(world.records(), requestOf(second))?.contents).toEqual(world.contentsOf(['a', 'b']))
})

test('a layer is found by its key where the registry has it', async () => {
  await world.remember(['a'])
  const second = await world.run({ packages: ['other'] })
  await second.earlier.recall(unfetchedSource)
  expect(await second.earlier.image(platform)).toBeUndefined()
  const { descriptor, diffID } = world.layerOf('a')
  expect(await second.earlier.layer(keyOf('a'))).toEqual({ descriptor, diffID, isClaim: false })
  expect(await second.earlier.layer(keyOf('b'))).toBeUndefined()
  world.registry.lose('blobs')
  expect(await second.earlier.layer(keyOf('a'))).toBeUndefined()
})

test('after `forget` all is made anew', async () => {
  await world.remember(['a'])
  const second = await world.run()
  await second.earlier.recall(unfetchedSource)
  await second.earlier.image(platform)
  second.earlier.forget()
  expect(await second.earlier.image(platform)).toBeUndefined()
  expect(await second.earlier.layer(keyOf('a'))).toBeUndefined()
  // This is also true if the source is looked up again and is another one.
  await second.earlier.recall({ ...unfetchedSource, claimed: undefined })
  await second.earlier.recall(fetchedSource)
  expect(await second.earlier.image(platform)).toBeUndefined()
})

test('a source that is the same when it was fetched is not told twice, and its image not looked for again', async () => {
  await world.remember(['a'])
  const second = await world.run({ reuse: 'registry' })
  await second.earlier.recall(unfetchedSource)
  const told = second.told.length
  expect(await world.asked(() => second.earlier.recall(fetchedSource))).toEqual([])
  expect(second.told).toHaveLength(told)
})

test('an image that the registry has not all of is left, and the run says so', async () => {
  await world.remember(['a'])
  const second = await world.run()
  await second.earlier.recall(unfetchedSource)
  world.registry.lose('blobs')
  expect(await second.earlier.image(platform)).toBeUndefined()
  expect(second.told).toContain(
    `An earlier run made the image for ${platform}, but the registry does not have all of it any more.`,
  )
})

test('a layer that is lost when an image is pushed again is said, with what to do', async () => {
  await world.remember(['a'])
  const second = await world.run()
  await second.earlier.recall(unfetchedSource)
  const image = await second.earlier.image(platform)
  world.registry.lose('blobs')
  const body = JSON.stringify({ errors: [{ code: 'MANIFEST_BLOB_UNKNOWN', message: '' }] })
  const fits = (method: string, path: string): boolean => method === 'PUT' && path.includes('/manifests/')
  world.proxy.follow([{ fits, fault: { answer: 400, body }, times: 9 }])
  const error = await second.target.publish(image ? [image] : []).catch((error: unknown) => error)
  expect(`${error}`).toContain(
    `${world.proxy.host}/image has lost ${world.layerOf('a').descriptor.digest}, which an earlier run pushed; run the job again.`,
  )
  expect(isLost(error)).toBe(true)
})

test('trouble that may pass is not taken for a lost layer', async () => {
  await world.remember(['a'])
  const second = await world.run()
  await second.earlier.recall(unfetchedSource)
  world.proxy.follow([{ fits: (_, path) => path.includes('/blobs/'), fault: { answer: 403 }, times: 1000 }])
  await expect(second.earlier.image(platform)).rejects.toThrow()
  const error = await second.earlier.layer(keyOf('a')).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(Error)
  expect(isLost(error)).toBe(false)
})
