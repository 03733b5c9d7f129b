import { expect, test } from 'vitest'
import { parseNarinfo, printNarinfo } from '../../src/cache/narinfo.ts'
import { narHashBase32 } from '../../src/nix/nar-hash.ts'
import { narHashOf } from '../support/closures.ts'

const digest = '0'.repeat(32)
const hash = narHashOf('nar')

const text = `StorePath: /nix/store/${digest}-a
URL: nar/0abc.nar.zst
Compression: zstd
FileHash: sha256:0abc
FileSize: 1
NarHash: ${narHashBase32(hash)}
NarSize: 120
References: ${digest}-a ${digest}-b
Deriver: ${digest}-a.drv
Sig: one-1:AAAA
Sig: two-1:BBBB==
CA: fixed:r:sha256:0
`
const parsed = {
  path: `/nix/store/${digest}-a`,
  nar: 'nar/0abc.nar.zst',
  narHash: hash,
  narSize: 120,
  references: [`/nix/store/${digest}-a`, `/nix/store/${digest}-b`],
  signatures: ['one-1:AAAA', 'two-1:BBBB=='],
  isContentAddressed: true,
}
const read = (from: string) => parseNarinfo(from, `${digest}.narinfo`)

test('a narinfo says what there is, and who built it is of no interest', () => {
  expect(read(text)).toEqual(parsed)
  expect(read(text.replace(/^(Sig|CA|Deriver): .*\n/gm, ''))).toEqual({
    ...parsed,
    signatures: [],
    isContentAddressed: false,
  })
  expect(read(text.replace(/^References: .*$/m, 'References: ')).references).toEqual([])
})

test.each<[string, string | RegExp, string, string]>([
  ['that is cut off', /\n$/, '', 'is cut off'],
  ['about another path', `${digest}-a\n`, `1${digest.slice(1)}-a\n`, 'is about /nix/store/1'],
  ['about a derivation', `${digest}-a\n`, `${digest}-a.drv\n`, 'which Nix would build'],
  ['with a derivation among its references', `${digest}-b`, `${digest}-b.drv`, 'which Nix would build'],
  ['with a reference that is none', `${digest}-b`, '../b', 'a reference in'],
  ['without a path', /^StorePath: .*\n/m, '', 'StorePath in'],
  ['with two paths', /^URL/m, `StorePath: /nix/store/${digest}-a\nURL`, 'says twice what StorePath is'],
  ['with two sizes', /^URL/m, 'NarSize: 1\nURL', 'says twice what NarSize is'],
  ['without a size', /^NarSize: .*\n/m, '', 'NarSize in'],
  ['of no size', '120', '0', 'NarSize in'],
  ['of a size below nothing', '120', '-1', 'NarSize in'],
  ['of a size that is no number', '120', '12e1', 'NarSize in'],
  ['of more than anybody has', '120', '1'.repeat(16), 'NarSize in'],
  ['without a hash', /^NarHash: .*\n/m, '', 'NarHash in'],
  ['with another hash function', 'NarHash: sha256', 'NarHash: md5', 'NarHash in'],
  ['with another compression', 'zstd', 'xz', 'another compression'],
  ['without a compression', /^Compression: .*\n/m, '', 'another compression'],
  ['with a file elsewhere', 'nar/0abc', 'nar/../0abc', 'names the file'],
  ['with a file above', 'nar/0abc', '../0abc', 'names the file'],
  ['with a file of the machine', 'nar/0abc', '/nar/0abc', 'names the file'],
  ['with a line that nobody knows', /^URL/m, 'System: x\nURL', 'has the line "System: x"'],
  ['with a line of a terminal', /^URL/m, 'Sig: \u001b[2J\nURL', 'has the line'],
  ['with an empty line', /^URL/m, '\nURL', 'has the line ""'],
  ['with a carriage return', /^URL/m, 'Sig: x:AAAA\r\nURL', 'has the line'],
  ['with more behind the name of its file', 'nar.zst\n', 'nar.zst/../x\n', 'names the file'],
  ['with a line that is indented', /^Sig: one/m, ' Sig: one', 'has the line " Sig: one-1:AAAA"'],
  ['with a line that has a long text', /^URL/m, `System: ${'x'.repeat(100)}\nURL`, `"System: ${'x'.repeat(72)}"`],
  ['with more before a signature', 'one-1:AAAA', ' one-1:AAAA', 'has a signature that is none'],
  ['with more behind a signature', 'one-1:AAAA', 'one-1:AAAA two-1:BBBB', 'has a signature that is none'],
  ['with a signature that is none', 'one-1:AAAA', 'one-1', 'has a signature that is none'],
])('a narinfo %s is none', (_, what, instead, message) => {
  const changed = text.replace(what, () => instead)
  expect(changed).not.toBe(text)
  expect(() => read(changed)).toThrow(message)
})

test('what is printed for Nix has what was read and nothing else', () => {
  expect(printNarinfo(read(text), 'nar/x', undefined)).toBe(`StorePath: /nix/store/${digest}-a
URL: nar/x
Compression: none
NarHash: ${narHashBase32(hash)}
NarSize: 120
References: ${digest}-a ${digest}-b
Sig: one-1:AAAA
Sig: two-1:BBBB==
`)
  expect(printNarinfo({ ...read(text), signatures: [] }, 'nar/x', 'fixed:r:sha256:0')).toMatch(
    /\nReferences: .*\nCA: fixed:r:sha256:0\n$/,
  )
})
