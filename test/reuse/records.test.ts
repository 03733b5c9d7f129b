import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Layer } from '../../src/image/contents.ts'
import { digestOf } from '../../src/oci/descriptor.ts'
import {
  addImage,
  addLayers,
  findImage,
  findLayer,
  findSource,
  fittingRecords,
  hasImage,
  hasRecords,
  type ImageRecord,
  mergeRecords,
  noRecords,
  parseCachedRecords,
  parseClaimedRecords,
  printRecords,
  type Records,
} from '../../src/reuse/records.ts'
import { closureOf, narHashOf, pathOf } from '../support/closures.ts'
import { gitPackage } from '../support/outcomes.ts'

const known = { ...gitPackage, outPath: pathOf('a'), outputs: [{ name: 'out', path: pathOf('a') }] }

const keyOf = (text: string): string => digestOf(Buffer.from(text)).slice('sha256:'.length)

const layerOf = (name: string, storePaths: Layer['storePaths']): Layer => ({
  descriptor: {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: digestOf(Buffer.from(name)),
    size: name.length,
  },
  diffID: digestOf(Buffer.from(`${name}, unpacked`)),
  key: keyOf(`layer ${name}`),
  storePaths,
  holds: name,
})

const imageOf = (name: string): ImageRecord<'cache'> => ({
  level: 'cache',
  key: keyOf(name),
  milliseconds: 61_234,
  contents: {
    packages: [{ ...known, homepage: undefined }, known],
    withoutFiles: [pathOf('a')],
    conflicts: [{ path: '/bin/sh', winner: `${pathOf('a')}/bin/sh`, loser: `${pathOf('b')}/bin/sh` }],
    closure: closureOf(['a'], { a: { needs: ['b'] }, b: { size: 5 } }),
    danglingLinks: [{ path: '/share/x', owner: pathOf('a'), target: '/nowhere' }],
    hasShell: true,
    defaults: { env: { PATH: '/bin' }, cmd: ['/bin/bash'] },
    layers: [layerOf(`${name}: a`, [pathOf('a')]), layerOf('b', [pathOf('b')]), layerOf(`${name}: links`, [])],
  },
})

const [first, second] = [imageOf('first'), imageOf('second')]
const empty = noRecords('cache')
const source = { level: 'cache', key: keyOf('a tarball'), narHash: narHashOf('its content') } as const
const both = mergeRecords(addImage(addImage(empty, first), second), { ...empty, sources: [source] })

describe('records', () => {
  test('are the same after they were written and read', () => {
    expect(parseCachedRecords(printRecords(both))).toEqual(both)
    expect(printRecords(parseCachedRecords(printRecords(both)))).toBe(printRecords(both))
  })

  test('are worth what the place is where they were read', () => {
    const { level, images, layers, sources } = parseClaimedRecords(printRecords(both))
    expect(new Set([level, ...[...images, ...layers].map(({ level }) => level)])).toEqual(new Set(['registry']))
    expect(printRecords({ level, images, layers, sources: [] })).toBe(printRecords({ ...both, sources: [] }))
    expect(sources).toEqual([])
  })

  test('of a registry do not become those of the cache, which does not compile', () => {
    const claims = parseClaimedRecords(printRecords(both))
    const [image] = claims.images as [ImageRecord<'registry'>]
    // @ts-expect-error: of another level
    mergeRecords(both, claims)
    // @ts-expect-error: of another level
    mergeRecords(claims, both)
    // @ts-expect-error: of another level
    addImage(both, image)
    // @ts-expect-error: of another level
    addLayers(both, claims.layers)
    // @ts-expect-error: of another level
    const mixed: Records<'cache'> = { ...both, layers: claims.layers }
    // @ts-expect-error: of another level
    const renamed: Records<'cache'> = { ...claims, level: 'cache' }
    // @ts-expect-error: no registry is asked
    expect(findSource(claims, source.key)).toEqual([])
    expect([mixed.level, renamed.level]).toEqual(['cache', 'cache'])
  })

  test('find an image by its request and a layer by its key', () => {
    expect(findImage(both, first.key)).toBe(first)
    expect(findImage(both, keyOf('nothing'))).toBeUndefined()
    const layer = first.contents.layers[0] as Layer
    expect(findLayer(both, layer.key)).toEqual({
      level: 'cache',
      key: layer.key,
      descriptor: layer.descriptor,
      diffID: layer.diffID,
    })
    expect(findLayer(both, keyOf('nothing'))).toBeUndefined()
  })

  test('know every content that a source had, the newest first', () => {
    const changed = { ...source, narHash: narHashOf('other content') }
    const more = mergeRecords(both, { ...empty, sources: [changed] })
    expect(findSource(more, source.key)).toEqual([changed.narHash, source.narHash])
    expect(findSource(more, keyOf('nothing'))).toEqual([])
    expect(mergeRecords(more, { ...empty, sources: [source] }).sources).toEqual([source, changed])
  })

  test('know whether a request was recorded with the same contents', () => {
    expect(hasImage(parseCachedRecords(printRecords(both)), first)).toBe(true)
    expect(hasImage(both, { ...first, contents: second.contents })).toBe(false)
    expect(hasImage(both, { ...first, key: keyOf('nothing') })).toBe(false)
  })

  test.each<[string, Records<'cache'>, boolean]>([
    ['nothing', empty, true],
    ['an image', addImage(empty, second), true],
    ['another image', addImage(empty, imageOf('third')), false],
    ['a layer', addLayers(empty, [layerOf('b', [])]), true],
    ['a layer with other bytes', addLayers(empty, [{ ...layerOf('b', []), key: keyOf('layer first: a') }]), false],
    ['a source', { ...empty, sources: [source] }, true],
    ['another content of it', { ...empty, sources: [{ ...source, narHash: narHashOf('x') }] }, false],
  ])('know whether they say %s', (_, others, expected) => {
    expect(hasRecords(both, others)).toBe(expected)
  })

  test('have an image and a layer once, the newest first', () => {
    const again = addImage(both, first)
    expect(again.images).toEqual([first, second])
    expect(again.layers.map(({ key }) => key)).toEqual(
      [...first.contents.layers, second.contents.layers[0], second.contents.layers[2]].map((layer) => layer?.key),
    )
  })

  test('are so many at the most, and then without the oldest', () => {
    let records = empty
    for (let index = 0; index < 1500; index++) records = addImage(records, imageOf(`image ${index}`))
    expect(records.images.length).toBe(40)
    expect(records.layers.length).toBe(2000)
    expect(findImage(records, keyOf('image 1499'))).toBeDefined()
    expect(findImage(records, keyOf('image 0'))).toBeUndefined()
  })

  test('are without the oldest where there is no room, and without one that never has any', () => {
    const large: ImageRecord<'cache'> = {
      ...imageOf('large'),
      contents: { ...second.contents, defaults: { env: { A: 'a'.repeat(50_000) }, cmd: [] } },
    }
    const all = addImage(both, large)
    const size = (records: Records<'cache'>): number => printRecords(records).length
    const keysFitting = (limit: number): string[] => fittingRecords(all, limit).images.map(({ key }) => key)
    expect(keysFitting(size(all))).toEqual([large.key, second.key, first.key])
    expect(keysFitting(size(all) - 1)).toEqual([large.key, second.key])
    expect(keysFitting(50_000)).toEqual([second.key, first.key])
    expect(keysFitting(1)).toEqual([])
    expect(fittingRecords(all, 1)).toMatchObject({ layers: all.layers, sources: all.sources })
    // The limit counts bytes, not characters.
    const foreign = {
      ...both,
      images: [{ ...first, contents: { ...first.contents, defaults: { env: { A: 'ä'.repeat(1000) }, cmd: [] } } }],
    }
    expect(fittingRecords(foreign, size(foreign)).images).toEqual([])
  })

  test('have what closures have in common once', () => {
    const names = Array.from({ length: 500 }, (_, index) => `${index}-a-package-with-a-name`)
    const closure = closureOf(
      names,
      Object.fromEntries(names.map((name, index) => [name, { needs: names.slice(index + 1, index + 6) }])),
    )
    const layers = [layerOf('all', [...closure.paths.keys()])]
    const imageNumber = (index: number): ImageRecord<'cache'> => {
      const { contents } = imageOf('x')
      return {
        ...imageOf(`${index}`),
        contents: { ...contents, packages: [], withoutFiles: [], danglingLinks: [], closure, layers },
      }
    }
    const one = addImage(empty, imageNumber(0))
    const many = Array.from({ length: 40 }, (_, index) => imageNumber(index)).reduce(addImage, empty)
    expect(printRecords(one).length).toBeLessThan(JSON.stringify([...closure.paths.values()]).length / 2)
    expect(printRecords(many).length).toBeLessThan(printRecords(one).length * 6)
    expect(parseCachedRecords(printRecords(many))).toEqual(many)
  })

  const text = printRecords(both)
  test.each([
    ['no JSON', '{', 'the records is not JSON'],
    ['of another version', text.replace('"version":4', '"version":3'), 'the records have the version 3'],
    ['of another form', text.replace('"images":[', '"images":{},"x":['), 'images should be a list, but is {}'],
    ['with a digest that is none', text.replaceAll('sha256:', 'md5:'), 'digest should be a SHA-256 digest'],
    ['with a key that is none', text.replace(first.key, '../..'), 'key should be 64 hex digits, but is "../.."'],
    ['with a layer of another kind', text.replaceAll('layer.v1.tar', 'layer.v1.zip'), 'which is no layer'],
    ['with a store path somewhere else', text.replaceAll('-a"', '-a/../b"'), 'should be a path in the Nix store'],
    [
      'with a layer of other paths than the closure has',
      text.replace(`"storePaths":[0]`, '"storePaths":[]'),
      `${pathOf('a')} is in no layer`,
    ],
    [
      'with a place that a list does not have',
      text.replace('"roots":[0]', '"roots":[7]'),
      'roots[0] is 7, and paths.names has 2',
    ],
    [
      'with a source of no hash',
      text.replace(source.narHash, 'sha256-x'),
      'sources[0].narHash should be a SHA-256 hash',
    ],
    [
      'with more images than are kept',
      JSON.stringify({ ...JSON.parse(text), images: Array.from({ length: 41 }, () => JSON.parse(text).images[0]) }),
      'there are 41 images, and no run keeps so many',
    ],
  ])('are refused if they are %s', (_, broken, sentence) => {
    expect(() => parseCachedRecords(broken)).toThrow(sentence)
  })

  test('are refused or read, whatever is changed in them', () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (position, insert) => {
        const broken = text.slice(0, position) + insert + text.slice(position + 1)
        try {
          parseCachedRecords(broken)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect(error).not.toBeInstanceOf(TypeError)
        }
      }),
    )
  })
})
