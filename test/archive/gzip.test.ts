import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { crc32, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { combinedCrc } from '../../src/archive/combined-crc.ts'
import { blockSize } from '../../src/archive/compression.ts'
import { gzip } from '../../src/archive/gzip.ts'
import { writeLayer } from '../../src/archive/layer.ts'
import { tar } from '../../src/archive/tar.ts'
import { need, output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('the CRC-32 of two texts is made of their own', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 3000 }), (first, second) => {
      expect(combinedCrc(crc32(first), crc32(second), second.length)).toBe(crc32(Buffer.concat([first, second])))
    }),
  )
})

test('the CRC-32 of texts of more than 4 GiB, too', () => {
  const block = Buffer.alloc(1 << 20, 'x')
  let [slow, fast] = [0, 0]
  for (let count = 0; count < 4100; count++) slow = crc32(block, slow)
  for (let count = 0; count < 4100; count++) fast = combinedCrc(fast, crc32(block), block.length)
  expect(fast).toBe(slow)
  const half = combinedCrc(0, slow, 4100 * block.length)
  expect(combinedCrc(half, slow, 4100 * block.length)).toBe(
    [...Array(4100)].reduce((crc) => combinedCrc(crc, crc32(block), block.length), slow),
  )
})

const stored = (text: string) => ({
  bytes: Buffer.concat([Buffer.from([0, text.length, 0, ~text.length & 0xff, 0xff]), Buffer.from(text)]),
  size: text.length,
  crc: crc32(text),
})
async function* each<T>(...items: T[]): AsyncGenerator<T> {
  yield* items
}

test.each<[string, string[], string]>([
  ['no part', [], '1f8b08000000000000ff' + '0300' + '00000000' + '00000000'],
  [
    'two parts',
    ['one ', 'member'],
    '1f8b08000000000000ff' +
      '000400fbff' +
      '6f6e6520' +
      '000600f9ff' +
      '6d656d626572' +
      '0300' +
      '25a157c1' +
      '0a000000',
  ],
])('%s become one member', async (_, texts, expected) => {
  const made = await buffer(gzip(each(...texts.map(stored))))
  expect(made.toString('hex')).toBe(expected)
  expect(gunzipSync(made).toString()).toBe(texts.join(''))
})

describe('a layer of more than one block is read whole by', async () => {
  const folder = await temporaryFolder('gzip')
  afterAll(() => folder[Symbol.asyncDispose]())
  const layer = join(folder.path, 'layer.tar.gz')
  const content = Buffer.from(Array.from({ length: 400_000 }, (_, index) => `line ${index * 7919}\n`).join(''))
  let archive: Buffer
  beforeAll(async () => {
    const entries = () => tar([{ type: 'file', name: 'file', mode: 0o644, content }])
    archive = await buffer(entries())
    await writeLayer(entries(), layer, { algorithm: 'gzip', level: 5 })
    expect(content.length).toBeGreaterThan(4 * blockSize.gzip)
  })

  // Those that stop behind the first member find all in it.
  test("Python's zlib, as one member", async () => {
    const script = `
import hashlib, sys, zlib
reader = zlib.decompressobj(31)
data = reader.decompress(open(sys.argv[1], 'rb').read())
print(reader.eof, len(reader.unused_data), hashlib.sha256(data).hexdigest())`
    const sha256 = createHash('sha256').update(archive).digest('hex')
    expect(await output('python3', ['-c', script, layer])).toBe(`True 0 ${sha256}\n`)
  })

  test.each([
    ['bsdtar', ['bsdtar', '-xOf'], 'libarchive-tools'],
    ['busybox', ['busybox', 'tar', '-xzOf'], 'busybox'],
    ['GNU tar', ['tar', '-xzOf'], 'tar'],
  ])('%s', async (_, [program = '', ...args], debianPackage) => {
    expect(Buffer.compare(Buffer.from(await output(need(program, debianPackage), [...args, layer])), content)).toBe(0)
  })

  test('tar2sqfs', async () => {
    const image = join(folder.path, 'image.sqfs')
    const unpacked = join(folder.path, 'file')
    await output('bash', [
      '-euc',
      '"$0" --quiet --no-tail-packing "$2" < "$1"',
      need('tar2sqfs', 'squashfs-tools-ng'),
      layer,
      image,
    ])
    await writeFile(unpacked, await output(need('sqfs2tar', 'squashfs-tools-ng'), [image]))
    expect(await output('tar', ['-xOf', unpacked, 'file'])).toBe(content.toString())
  })
})
