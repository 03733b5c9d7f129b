import { afterEach, beforeEach, expect, test } from 'vitest'
import { assemble } from '../../src/image/assemble.ts'
import { findImage } from '../../src/reuse/records.ts'
import { narHashOf } from '../support/closures.ts'
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

const registryRun = () => world.run({ reuse: 'registry' })

test('with `reuse: registry` the record goes to the registry, and a run without a cache uses it', async () => {
  await world.remember(['a'], { reuse: 'registry' })
  world.entries.length = 0
  const second = await registryRun()
  // The run does not know what the source holds, since no registry is believed in that.
  expect(await second.earlier.recall(unfetchedSource)).toEqual(unfetchedSource)
  expect(await second.earlier.image(platform)).toBeUndefined()
  await second.earlier.recall(fetchedSource)
  const image = await second.earlier.image(platform)
  expect(image).toMatchObject({ reused: { milliseconds: 1234 }, contents: { layers: [{ made: 'reused' }] } })
  // The registry's claim does not get into the cache.
  await second.earlier.remember(image ? [image] : [], 1)
  expect(world.records()).toMatchObject({ images: [], layers: [] })
  expect(world.records().sources).toHaveLength(1)
})

test('the registry is asked for records with `reuse: registry` alone, and only where the run pushes', async () => {
  await world.remember(['a'], { reuse: 'registry' })
  const tags = (requests: string[]) =>
    requests.filter((line) => line.startsWith('GET ') && /manifests\/(nix-|v1)/.test(line))
  expect(tags(await world.asked(async () => (await registryRun()).earlier.recall(fetchedSource)))).toHaveLength(2)
  expect(tags(await world.asked(async () => (await world.run()).earlier.recall(fetchedSource)))).toEqual([])
  expect(
    tags(
      await world.asked(async () =>
        (await world.run({ reuse: 'registry', push: 'false' })).earlier.recall(fetchedSource),
      ),
    ),
  ).toEqual([])
})

test('an image with a claimed layer is a claim, and its other layers are facts', async () => {
  const first = await world.run()
  const before = world.built(first, ['a'])
  await first.target.publish([before])
  const second = await registryRun()
  await second.earlier.recall(fetchedSource)
  expect(await second.earlier.layer(keyOf('a'))).toMatchObject({ isClaim: true })
  const requests = await world.asked(() =>
    second.earlier.remember([world.built(second, ['a', 'b'], { found: ['a'], isClaim: true })], 1),
  )
  expect(world.records().images).toEqual([])
  expect(world.records().layers.map(({ key }) => key)).toEqual([keyOf('b')])
  expect(requests.filter((line) => /^PUT .*\/manifests\/nix-/.test(line))).toHaveLength(1)
  // A run that forgot the claims makes the image itself.
  const third = await registryRun()
  await third.earlier.recall(fetchedSource)
  await third.earlier.layer(keyOf('a'))
  third.earlier.forget()
  await third.earlier.remember([world.built(third, ['a', 'b'])], 1)
  expect(findImage(world.records(), requestOf(third))).toBeDefined()
})

test('a claim about a layer that the cache knows stays a claim, also where it differs in the media type alone', async () => {
  await world.remember(['a'])
  const first = await world.run()
  const before = world.built(first, ['a'])
  const claimed = { ...world.layerOf('a').descriptor, mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }
  const layers = [{ ...world.layerOf('a'), descriptor: claimed }]
  const image = assemble({ ...before.contents, layers }, first.plan.image.configuration, platform)
  await first.target.publish([{ ...before, image }])
  const second = await registryRun()
  await second.earlier.recall({ ...fetchedSource, narHash: narHashOf('another set') })
  // The registry first denies that it has the layer, but has it when the run asks about the claim.
  const asks = (method: string, path: string) => method === 'HEAD' && path.includes(claimed.digest)
  world.proxy.follow([{ fits: asks, fault: { answer: 404 }, times: 1 }])
  expect(await second.earlier.layer(keyOf('a'))).toMatchObject({ descriptor: claimed, isClaim: true })
})

test('a record that the registry has already is not pushed again, whether the cache has it or not', async () => {
  await world.remember(['a'], { reuse: 'registry' })
  for (const forget of [() => {}, () => world.entries.splice(0)]) {
    forget()
    const again = await registryRun()
    await again.earlier.recall(fetchedSource)
    expect(await world.asked(() => again.earlier.remember([world.built(again, ['a'])], 1))).toEqual([])
  }
})

test('without `reuse: registry` no record goes to the registry', async () => {
  const requests = await world.asked(() => world.remember(['a']))
  expect(requests.filter((line) => line.includes('/manifests/'))).toEqual([])
})

test('where the registry refuses the record, the run goes on and says so', async () => {
  world.proxy.follow([
    { fits: (method, path) => method === 'PUT' && path.includes('/nix-'), fault: { answer: 400 }, times: 9 },
  ])
  const first = await world.remember(['a'], { reuse: 'registry' })
  expect(
    first.told.filter((line) => line.startsWith('The registry does not keep the record of this image: ')),
  ).toHaveLength(1)
  expect(world.entries).toHaveLength(1)
})

test('a run that is cancelled meanwhile ends, whatever the registry said', async () => {
  await world.remember(['a'])
  const controller = new AbortController()
  const second = await world.run({ reuse: 'registry' }, controller.signal)
  await second.earlier.recall(unfetchedSource)
  controller.abort(new Error('cancelled'))
  world.registry.lose('all')
  await expect(second.earlier.image(platform)).rejects.toThrow('cancelled')
  await expect(second.earlier.remember([world.built(second, ['b'])], 1)).rejects.toThrow('cancelled')
})

test('a claim that is wrong in any way is left, and one of the cache is an error', async () => {
  await world.remember(['a'], { reuse: 'registry' })
  const wrongSize = { fits: (method: string, path: string) => method === 'HEAD' && path.includes('/blobs/') }
  const lie = { ...wrongSize, fault: { answer: 200, headers: { 'content-length': '7' } }, times: 1000 }
  const cached = await world.run()
  await cached.earlier.recall(unfetchedSource)
  world.entries.length = 0
  const claimed = await registryRun()
  await claimed.earlier.recall(fetchedSource)
  world.proxy.follow([lie])
  expect(await claimed.earlier.image(platform)).toBeUndefined()
  expect(await claimed.earlier.layer(keyOf('a'))).toBeUndefined()
  await expect(cached.earlier.image(platform)).rejects.toThrow()
})
