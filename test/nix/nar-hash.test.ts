import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { narHashBase32, narHashHex, parseNarHash, toBase32 } from '../../src/nix/nar-hash.ts'

test('a hash is the same however Nix writes it', () => {
  for (const text of ['', 'a', 'nix', 'some more']) {
    const hex = createHash('sha256').update(text).digest('hex')
    const base32 = execFileSync('nix-hash', ['--type', 'sha256', '--to-base32', hex], { encoding: 'utf8' }).trim()
    const sri = `sha256-${Buffer.from(hex, 'hex').toString('base64')}`
    expect(parseNarHash(`sha256:${base32}`, 'it')).toBe(sri)
    expect(parseNarHash(sri, 'it')).toBe(sri)
    expect(narHashHex(parseNarHash(sri, 'it'))).toBe(hex)
    expect(narHashBase32(parseNarHash(sri, 'it'))).toBe(`sha256:${base32}`)
  }
})

test.each([
  ['', ''],
  ['00', '00'],
  ['ff', '7z'],
  ['0000000001', '04000000'],
])('the bytes %s are %j in base 32', (hex, digits) => {
  expect(toBase32(Buffer.from(hex, 'hex'))).toBe(digits)
  if (hex) expect(toBase32(Buffer.alloc(20))).toBe('0'.repeat(32))
})

test.each(['', 'sha256:', 'sha256-short', `sha256:${'e'.repeat(52)}`, `md5:${'0'.repeat(52)}`])(
  '%j is none',
  (text) => {
    expect(() => parseNarHash(text, 'it')).toThrow(`it should be a SHA-256 hash, but is ${JSON.stringify(text)}`)
  },
)
