import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fileName, fileNameBytes } from '../../src/archive/file-name.ts'

test.each([
  [[], ''],
  [[0x62, 0xc3, 0xa5], 'bå'],
  [[0xef, 0xbf, 0xbd], '\ufffd'],
  [[0xf0, 0x9f, 0x98, 0x80], '\u{1f600}'],
  [[0x62, 0xe5, 0x6c], 'b\udce5l'],
  [[0xe5, 0xc3, 0xa5, 0xef, 0xbf, 0xbd, 0xff], '\udce5å\ufffd\udcff'],
  // A surrogate, a character with more bytes than it needs, and one that is cut off are not UTF-8.
  [[0xed, 0xb3, 0xa5], '\udced\udcb3\udca5'],
  [[0xc0, 0xaf], '\udcc0\udcaf'],
  [[0xf0, 0x9f, 0x98], '\udcf0\udc9f\udc98'],
])('the bytes %j are the name %j', (bytes, name) => {
  expect(fileName(Buffer.from(bytes))).toBe(name)
  expect([...fileNameBytes(name)]).toEqual(bytes)
})

test('any bytes come back from their name, also where names are put together', () => {
  const bytes = fc.uint8Array({ maxLength: 12 })
  fc.assert(
    fc.property(bytes, bytes, (first, second) => {
      const path = `${fileName(first)}/${fileName(second)}`
      expect(fileNameBytes(path)).toEqual(Buffer.concat([first, Buffer.from('/'), second]))
    }),
    { numRuns: 2000 },
  )
})

test('text is its own name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(fileName(Buffer.from(text))).toBe(text)
      expect(fileNameBytes(text)).toEqual(Buffer.from(text))
    }),
  )
})
