import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addImage,
  findImage,
  findLayer,
  hasImage,
  type ImageRecord,
  noRecords,
  parseRecords,
  printRecords,
} from '../../src/cache/records.ts'
import type { Layer } from '../../src/contents.ts'
import { digestOf } from '../../src/oci/descriptor.ts'
import { closureOf, narHashOf, pathOf } from '../support/closures.ts'
import { gitPackage } from '../support/outcomes.ts'

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

const imageOf = (name: string): ImageRecord => ({
  key: keyOf(name),
  narHash: narHashOf('the package set'),
  milliseconds: 61_234,
  contents: {
    packages: [{ ...gitPackage, homepage: undefined }, gitPackage],
    conflicts: [{ path: '/bin/sh', winner: `${pathOf('a')}/bin/sh`, loser: `${pathOf('b')}/bin/sh` }],
    closure: closureOf(['a'], { a: { needs: ['b'] }, b: { size: 5 } }),
    danglingLinks: [{ path: '/share/x', owner: pathOf('a'), target: '/nowhere' }],
    defaults: { env: { PATH: '/bin' }, cmd: ['/bin/bash'] },
    layers: [layerOf(`${name}: a`, [pathOf('a')]), layerOf('b', [pathOf('b')]), layerOf(`${name}: links`, [])],
  },
})

const [first, second] = [imageOf('first'), imageOf('second')]
const both = addImage(addImage(noRecords, first), second)

describe('records', () => {
  test('are the same after they were written and read', () => {
    expect(parseRecords(printRecords(both))).toEqual(both)
    expect(printRecords(parseRecords(printRecords(both)))).toBe(printRecords(both))
  })

  test('find an image by its request and a layer by its key', () => {
    expect(findImage(both, first.key)).toBe(first)
    expect(findImage(both, keyOf('nothing'))).toBeUndefined()
    const layer = first.contents.layers[0] as Layer
    expect(findLayer(both, layer.key)).toEqual({
      key: layer.key,
      descriptor: layer.descriptor,
      diffID: layer.diffID,
    })
    expect(findLayer(both, keyOf('nothing'))).toBeUndefined()
  })

  test('know whether a request was recorded with the same contents', () => {
    expect(hasImage(parseRecords(printRecords(both)), first.key, first.contents)).toBe(true)
    expect(hasImage(both, first.key, second.contents)).toBe(false)
    expect(hasImage(both, keyOf('nothing'), first.contents)).toBe(false)
  })

  test('have an image and a layer once, the newest first', () => {
    const again = addImage(both, first)
    expect(again.images).toEqual([first, second])
    expect(again.layers.map(({ key }) => key)).toEqual(
      [...first.contents.layers, second.contents.layers[0], second.contents.layers[2]].map((layer) => layer?.key),
    )
  })

  test('are so many at the most, and then without the oldest', () => {
    let records = noRecords
    for (let index = 0; index < 1500; index++) records = addImage(records, imageOf(`image ${index}`))
    expect(records.images.length).toBe(40)
    expect(records.layers.length).toBe(2000)
    expect(findImage(records, keyOf('image 1499'))).toBeDefined()
    expect(findImage(records, keyOf('image 0'))).toBeUndefined()
  })

  const text = printRecords(both)
  test.each([
    ['no JSON', '{', 'the records is not JSON'],
    ['of another version', text.replace('"version":1', '"version":2'), 'the records have the version 2'],
    ['of another form', '{"version":1,"images":{},"layers":[]}', 'images should be a list, but is {}'],
    ['with a digest that is none', text.replaceAll('sha256:', 'md5:'), 'digest should be a SHA-256 digest'],
    ['with a key that is none', text.replace(first.key, '../..'), 'key should be 64 hex digits, but is "../.."'],
    ['with a layer of another kind', text.replaceAll('layer.v1.tar', 'layer.v1.zip'), 'which is no layer'],
    ['with a store path somewhere else', text.replaceAll('/nix/store/', '/etc/'), 'should be a path in the Nix store'],
    [
      'with a layer of other paths than the closure has',
      text.replace(`"storePaths":["${pathOf('a')}"]`, '"storePaths":[]'),
      `${pathOf('a')} is in no layer`,
    ],
  ])('are refused if they are %s', (_, broken, sentence) => {
    expect(() => parseRecords(broken)).toThrow(sentence)
  })

  test('are refused or read, whatever is changed in them', () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (position, insert) => {
        const broken = text.slice(0, position) + insert + text.slice(position + 1)
        try {
          parseRecords(broken)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect(error).not.toBeInstanceOf(TypeError)
        }
      }),
    )
  })
})
