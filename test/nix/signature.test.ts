import { generateKeyPairSync, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type PathInfo, pathInfos } from '../../src/nix/path-info.ts'
import { isSigned, parsePublicKeys, signerOf } from '../../src/nix/signature.ts'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { narHashOf } from '../support/closures.ts'
import { build, withNix } from '../support/nix.ts'
import { output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const path = (name: string): StorePath => parseStorePath(`/nix/store/${'0'.repeat(32)}-${name}`, name)

const pair = (name: string) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return {
    text: `${name}:${Buffer.from(x, 'base64url').toString('base64')}`,
    sign: (text: string): string => `${name}:${sign(null, Buffer.from(text), privateKey).toString('base64')}`,
  }
}

const unsigned: PathInfo = {
  path: path('a'),
  narHash: `sha256-${Buffer.alloc(32).toString('base64')}`,
  narSize: 12,
  references: [path('c'), path('b')],
  signatures: [],
  isContentAddressed: false,
}
const fingerprint = `1;${path('a')};sha256:${'0'.repeat(52)};12;${path('b')},${path('c')}`
const key = pair('one')
const info: PathInfo = { ...unsigned, signatures: [key.sign(fingerprint)] }

test('a signature holds for the fingerprint that Nix has, with references in their order', () => {
  expect(isSigned(info, parsePublicKeys([key.text]))).toBe(true)
})

test.each<[string, Partial<PathInfo>]>([
  ['path', { path: path('x') }],
  ['content', { narHash: narHashOf('x') }],
  ['size', { narSize: 13 }],
  ['reference less', { references: [path('c')] }],
  ['reference more', { references: [path('b'), path('c'), path('d')] }],
  ['signature less', { signatures: [] }],
  ['name of the key', { signatures: [info.signatures[0]?.replace('one:', 'two:') ?? ''] }],
  ['signature of nothing', { signatures: ['one:', 'one', ''] }],
  ['signature that is cut off', { signatures: [info.signatures[0]?.slice(0, -8) ?? ''] }],
  ['signature of another key', { signatures: [pair('one').sign(fingerprint)] }],
])('and for no other %s', (_, changes) => {
  expect(isSigned({ ...info, ...changes }, parsePublicKeys([key.text, pair('two').text]))).toBe(false)
})

test('one of several signatures is enough, and of two keys with one name the first counts, as in Nix', () => {
  const other = pair('one')
  const signatures = ['zero:AAAA', other.sign(fingerprint), key.sign(fingerprint)]
  expect(isSigned({ ...info, signatures }, parsePublicKeys([pair('zero').text, key.text]))).toBe(true)
  expect(isSigned(info, parsePublicKeys([other.text, key.text]))).toBe(false)
})

test.each(['', 'one', 'one:', ':AAAA', `one:${Buffer.alloc(31).toString('base64')}`])('%j is no key', (text) => {
  expect(() => parsePublicKeys([text])).toThrow(`${JSON.stringify(text)} is no public key of Nix`)
})

test('a signature names its key', () => {
  expect([signerOf('cache.nixos.org-1:AAAA'), signerOf('none')]).toEqual(['cache.nixos.org-1', ''])
})

test('what Nix signs is signed, each path of a closure', async () => {
  await using folder = await temporaryFolder('signature')
  const [secret, publicFile] = ['secret', 'public'].map((name) => join(folder.path, name)) as [string, string]
  await output('nix-store', ['--generate-binary-cache-key', 'test-1', secret, publicFile])
  const roots = [...(await build(['tree', 'other'])).closure.paths.keys()]
  const keys = parsePublicKeys([await readFile(publicFile, 'utf8')])
  await withNix(async (nix) => {
    // The paths are in a store of their own, since signatures stay.
    const store = `local?root=${join(folder.path, 'root')}`
    await nix('nix', ['copy', '--no-check-sigs', '--to', store, ...roots])
    await nix('nix', ['store', 'sign', '--recursive', '--store', store, '--key-file', secret, ...roots])
    await withNix(
      async (nix) => {
        const infos = await pathInfos(roots, nix)
        expect(infos.length).toBeGreaterThan(1)
        for (const info of infos) expect(isSigned(info, keys), info.path).toBe(true)
        for (const info of infos) expect(isSigned({ ...info, narSize: info.narSize + 1 }, keys)).toBe(false)
      },
      '',
      store,
    )
  })
})
