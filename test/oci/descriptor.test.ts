import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf, jsonDocument } from '../../src/oci/descriptor.ts'

test.each([
  ['', 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
])('the digest of %j is the one that FIPS 180-4 gives', (text, digest) => {
  expect(digestOf(Buffer.from(text))).toBe(digest)
})

test('a document is described by the very bytes that it has, and they are its JSON', () => {
  fc.assert(
    fc.property(fc.record({ text: fc.string({ unit: 'grapheme' }), number: fc.integer() }), (value) => {
      const { bytes, descriptor } = jsonDocument('application/x', value)
      expect(JSON.parse(Buffer.from(bytes).toString('utf8'))).toEqual(value)
      expect(descriptor).toEqual({
        mediaType: 'application/x',
        digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
        size: bytes.byteLength,
      })
    }),
  )
})

test('the size of a document is in bytes, not in characters', () => {
  expect(jsonDocument('application/x', 'ü').descriptor.size).toBe(4)
})
