import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildLayers, type LayerPorts, type LayerRequest, type PackedLayer } from '../../src/build/build-layers.ts'
import { checkClosure } from '../../src/graph/closure.ts'
import { contentKey, layerKey } from '../../src/layers/layer-key.ts'
import { UserError } from '../../src/lib/error.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { type Digest, digestOf } from '../../src/oci/descriptor.ts'
import { closureInStore } from '../support/changed-store.ts'
import { output } from '../support/process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let world: TemporaryFolder
/** Two small paths and a large one, which Nix made from plain files. */
let small: StorePath
let other: StorePath
let large: StorePath
let closure: LayerRequest['closure']
let links: LayerRequest['symlinkLayer']

const add = async (name: string, files: Readonly<Record<string, string | Buffer>>): Promise<StorePath> => {
  const folder = join(world.path, name)
  await mkdir(folder)
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text)
  return (await output('nix-store', ['--add', folder])).trim() as StorePath
}

beforeAll(async () => {
  world = await temporaryFolder('build-layers')
  small = await add('small-1.0', { a: 'a' })
  other = await add('other-2', { b: 'b' })
  large = await add('large-3', { c: Buffer.alloc(300_000, 'c') })
  const { paths } = await closureInStore([small, other, large])
  closure = checkClosure([...paths.values()], [...paths.keys()])
  const file = join(world.path, 'links.tar')
  await writeFile(file, 'links')
  const path = (await output('nix-store', ['--add', file])).trim() as StorePath
  links = { path, size: 5, sha256: createHash('sha256').update('links').digest('hex') }
})
afterAll(() => world[Symbol.asyncDispose]())

/** The layers that `buildLayers` delivered, with the bytes of their files, and its other effects. */
const buildAll = async (changes: Partial<LayerRequest> = {}, ports: Partial<LayerPorts> = {}) => {
  await using folder = await temporaryFolder('layers')
  const delivered: (PackedLayer & { readonly bytes: Buffer })[] = []
  const events: string[] = []
  const packs = new Map<Digest, () => Promise<PackedLayer>>()
  const request: LayerRequest = {
    ...{ partition: [[small], [other, large]], closure, symlinkLayer: links, baseFiles: [], folder: folder.path },
    ...{ compression: { algorithm: 'none', level: 0 }, layerFormat: 'a-format', ...changes },
  }
  const layers = await buildLayers(request, {
    find: async () => undefined,
    deliver: async (layer) => {
      delivered.push({ ...layer, bytes: await readFile(layer.file) })
      events.push(`delivered ${layer.holds}`)
      return 'sent'
    },
    keep: (digest, pack) => {
      packs.set(digest, pack)
    },
    allPacked: () => events.push('all packed'),
    ...ports,
  })
  const left = await readdir(folder.path)
  const again = await Promise.all(
    layers.map(async ({ descriptor }) => {
      const { file, ...layer } = (await packs.get(descriptor.digest)?.()) ?? expect.unreachable()
      return { layer, bytes: await readFile(file) }
    }),
  )
  return { layers, delivered, events, left, again }
}

/** The names in an archive, as tar reads them. */
const namesIn = async (bytes: Buffer): Promise<string[]> => {
  const file = join(world.path, digestOf(bytes))
  await writeFile(file, bytes)
  return (await output('tar', ['--list', '--file', file])).trim().split('\n')
}

test('layers come in the order of the image, each with its key and the digests of what was delivered', async () => {
  const { layers, delivered, left } = await buildAll()
  expect(layers.map(({ key, storePaths, holds }) => ({ key, storePaths, holds }))).toEqual([
    { key: layerKey([small], closure, 'a-format'), storePaths: [small], holds: 'small' },
    { key: layerKey([other, large], closure, 'a-format'), storePaths: [other, large], holds: 'other, large' },
    { key: contentKey(`sha256:${links.sha256}`, 'a-format'), storePaths: [], holds: 'links to the packages' },
  ])
  const deliveredOf = (key: string) => delivered.find((layer) => layer.key === key) as (typeof delivered)[number]
  for (const layer of layers) {
    const { bytes, file, ...rest } = deliveredOf(layer.key)
    expect({ ...rest, made: 'built', isClaim: false, blob: 'sent' }).toEqual(layer)
    expect(layer.descriptor).toMatchObject({ digest: digestOf(bytes), size: bytes.length })
    expect(layer.diffID).toBe(digestOf(bytes))
    await expect(access(file)).rejects.toThrow('ENOENT')
  }
  const [first, second] = layers.map(({ key }) => deliveredOf(key).bytes)
  const folders = ['nix/', 'nix/store/']
  expect(await namesIn(first ?? Buffer.of())).toEqual([...folders, `${small.slice(1)}/`, `${small.slice(1)}/a`])
  expect(await namesIn(second ?? Buffer.of())).toEqual([
    ...folders,
    ...[other, large].sort().flatMap((path) => [`${path.slice(1)}/`, `${path.slice(1)}/${path === other ? 'b' : 'c'}`]),
  ])
  // The files of delivered layers are removed.
  expect(left).toEqual([])
})

test('the largest layer is the first one that is packed', async () => {
  const asked: string[] = []
  await buildAll(
    { partition: [[small], [other], [large]] },
    {
      find: async (key) => {
        asked.push(key)
        return undefined
      },
    },
  )
  expect(asked[0]).toBe(layerKey([large], closure, 'a-format'))
  expect(asked.at(-1)).toBe(contentKey(`sha256:${links.sha256}`, 'a-format'))
})

test('a layer that is found is not packed, and can be', async () => {
  const found = {
    descriptor: {
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: digestOf(Buffer.from('there')),
      size: 5,
    },
    diffID: digestOf(Buffer.from('there, unpacked')),
    isClaim: false,
  }
  const key = layerKey([small], closure, 'a-format')
  const { layers, delivered, again } = await buildAll(
    {},
    { find: async (asked) => (asked === key ? found : undefined) },
  )
  expect(layers[0]).toEqual({ ...found, key, storePaths: [small], holds: 'small', made: 'reused', blob: 'there' })
  expect(delivered.map(({ holds }) => holds).sort()).toEqual(['links to the packages', 'other, large'])
  expect(again[0]?.layer.diffID).toBe(digestOf(again[0]?.bytes ?? Buffer.of()))
})

test('a layer that is packed again is the same', async () => {
  const { layers, again } = await buildAll()
  expect(again.map(({ layer }) => ({ ...layer, made: 'built', isClaim: false, blob: 'sent' }))).toEqual(layers)
})

test('it is said once that all layers are packed, as soon as they are', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const events: string[] = []
  await buildAll(
    {},
    {
      // `allPacked` is called before anything is delivered: it does not wait for the network.
      deliver: async ({ holds }) => {
        await promise
        events.push(holds)
        return 'sent'
      },
      allPacked: () => {
        events.push('all packed')
        resolve()
      },
    },
  )
  expect(events).toHaveLength(4)
  expect(events.indexOf('all packed')).toBe(0)
  // This is also true if nothing has to be packed.
  const there = {
    descriptor: { mediaType: '', digest: digestOf(Buffer.of()), size: 0 },
    diffID: digestOf(Buffer.of()),
    isClaim: true,
  }
  expect((await buildAll({}, { find: async () => there })).events).toEqual(['all packed'])
})

test('the base layer is the last one, and says what it holds at the root', async () => {
  const { layers, delivered } = await buildAll({
    baseFiles: [
      { type: 'directory', name: 'etc', mode: 0o755 },
      { type: 'file', name: 'etc/passwd', mode: 0o644, content: Buffer.from('root:x:0:0::/:/bin/sh\n') },
      { type: 'directory', name: 'tmp', mode: 0o1777 },
    ],
  })
  expect(layers).toHaveLength(4)
  const layer = layers[3] as (typeof layers)[number]
  expect(layer.holds).toBe('base files: /etc, /tmp')
  expect(layer.storePaths).toEqual([])
  expect(layer.key).toBe(contentKey(layer.diffID, 'a-format'))
  const { bytes = Buffer.of() } = delivered.find(({ key }) => key === layer.key) ?? {}
  expect(await namesIn(bytes)).toEqual(['etc/', 'etc/passwd', 'tmp/'])
})

test.each(['gzip', 'zstd'] as const)('layers are compressed with %s', async (algorithm) => {
  const { layers } = await buildAll({ compression: { algorithm, level: 1 } })
  for (const { descriptor } of layers) expect(descriptor.mediaType).toContain(algorithm)
})

test('the names of many paths are cut short', async () => {
  const paths = await Promise.all(Array.from({ length: 9 }, (_, index) => add(`many${index}-1`, { index: `${index}` })))
  const { paths: infos } = await closureInStore(paths)
  const many = checkClosure([...infos.values()], paths)
  const holds = async (count: number) => (await buildAll({ partition: [paths.slice(0, count)], closure: many })).layers
  expect((await holds(8))[0]?.holds).toBe('many0, many1, many2, many3, many4, many5, many6, many7')
  expect((await holds(9))[0]?.holds).toBe('many0, many1, many2, many3, many4, many5, many6 and 2 more')
})

test('what is not as the closure says is not delivered', async () => {
  const info = closure.paths.get(small)
  if (!info) throw new Error('no path')
  const paths = new Map(closure.paths).set(small, { ...info, narSize: info.narSize + 8 })
  const delivered: string[] = []
  const deliver: LayerPorts['deliver'] = async ({ holds }) => {
    delivered.push(holds)
    return 'sent'
  }
  const building = buildAll({ partition: [[small]], closure: { ...closure, paths } }, { deliver })
  await expect(building).rejects.toThrow(`${small} is not what Nix put into the store`)
  const linked = buildAll({ partition: [], symlinkLayer: { ...links, sha256: '0'.repeat(64) } }, { deliver })
  await expect(linked).rejects.toThrow(
    `${links.path} is not what Nix put into the store: its digest is sha256:${links.sha256} and not sha256:${'0'.repeat(64)}`,
  )
  expect(delivered.filter((holds) => holds !== 'links to the packages')).toEqual([])
})

test('a disk that becomes full is said with what is needed', async () => {
  await using folder = await temporaryFolder('full')
  // A write to this device fails because no space is left.
  await symlink('/dev/full', join(folder.path, 'links'))
  const building = buildAll({ partition: [], folder: folder.path })
  await expect(building).rejects.toThrow(
    `There is no space left in ${folder.path} to pack the layers; up to 0.30 MB are needed. Free some on the disk of the runner.`,
  )
  await expect(building).rejects.toBeInstanceOf(UserError)
})

test('a layer for which there cannot be room is not begun', async () => {
  const building = buildAll({ partition: [], symlinkLayer: { ...links, size: Number.MAX_SAFE_INTEGER } })
  await expect(building).rejects.toThrow(/^There are \d+\.\d MB free in .* to pack a layer; free some on the disk/)
})

test('an error of what delivers is the error of the whole', async () => {
  const deliver = () => Promise.reject(new Error('no network'))
  await expect(buildAll({}, { deliver })).rejects.toThrow('no network')
})
