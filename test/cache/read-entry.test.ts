import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { printNarinfo } from '../../src/cache/narinfo.ts'
import { type Entry, readEntry } from '../../src/cache/read-entry.ts'
import { narHashBase32 } from '../../src/nix/nar-hash.ts'
import type { PathInfo } from '../../src/nix/path-info.ts'
import { parsePublicKeys } from '../../src/nix/signature.ts'
import { sourceStorePath } from '../../src/nix/source-store-path.ts'
import { parseStorePath, storePathDigest } from '../../src/nix/store-path.ts'
import { narHashOf } from '../support/closures.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const keys = parsePublicKeys(['cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='])
const narHash = narHashOf('source')

const source: PathInfo = {
  path: sourceStorePath(narHash),
  narHash,
  narSize: 100,
  references: [],
  signatures: [],
  isContentAddressed: true,
}

const read = async (
  info: PathInfo,
  {
    hasSigningKey = true,
    address = `fixed:r:${narHashBase32(info.narHash)}`,
    files = {} as Record<string, string>,
  } = {},
): Promise<Entry> => {
  await using folder = await temporaryFolder('entry')
  await mkdir(join(folder.path, 'nar'))
  const text = printNarinfo(info, 'nar/0.nar.zst', address).replace('Compression: none', 'Compression: zstd')
  const all = {
    'nix-cache-info': 'StoreDir: /nix/store\n',
    [`${storePathDigest(info.path)}.narinfo`]: text,
    'nar/0.nar.zst': '',
    ...files,
  }
  for (const [name, content] of Object.entries(all)) await writeFile(join(folder.path, name), content)
  return await readEntry(folder.path, keys, hasSigningKey)
}

const signed = (...signatures: string[]): PathInfo => ({
  ...source,
  path: parseStorePath(`/nix/store/${'0'.repeat(32)}-a`, 'a'),
  signatures,
})
const signature = Buffer.alloc(64).toString('base64')

test('a source needs no signature, since its path is computed from its hash', async () => {
  expect([...(await read(source)).keys()]).toEqual([source.path])
})

test.each<[string, PathInfo, string]>([
  ['that has another hash', { ...source, narHash: narHashOf('other') }, 'fixed:r:sha256:0'],
  ['that has references', { ...source, references: [source.path] }, 'fixed:r:sha256:0'],
  ['that is not said to be one', source, ''],
])('a source %s needs one', async (_, info, address) => {
  await expect(read(info, { address })).rejects.toThrow(`nobody whom this run trusts has signed ${info.path}`)
})

test('what is signed with a key that this run does not know is left out only where a signing key may be missing', async () => {
  const info = signed(`ours-1:${signature}`)
  expect((await read(info, { hasSigningKey: false, address: '' })).size).toBe(0)
  await expect(read(info, { address: '' })).rejects.toThrow('nobody whom this run trusts')
})

test.each([
  ['no signature', signed()],
  ['a wrong signature of a known key', signed(`cache.nixos.org-1:${signature}`)],
  ['a wrong one of a known key and one of another', signed(`ours-1:${signature}`, `cache.nixos.org-1:${signature}`)],
])('what has %s is never left out, and makes the whole entry useless', async (_, info) => {
  await expect(read(info, { hasSigningKey: false, address: '' })).rejects.toThrow('nobody whom this run trusts')
})

test.each<[string, Record<string, string>, string]>([
  ['of another store', { 'nix-cache-info': 'StoreDir: /gnu/store\n' }, 'no binary cache of /nix/store'],
  ['with a file that no run saves', { evil: '' }, 'it has the file "evil"'],
  ['with another NAR', { 'nar/0.nar.xz': '' }, 'it has the file "nar/0.nar.xz"'],
])('an entry %s is useless', async (_, files, message) => {
  await expect(read(source, { files })).rejects.toThrow(message)
})

test('an entry of more narinfo files than any image has is not read', async () => {
  const files = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`${index}.narinfo`, '']))
  await expect(read(source, { files })).rejects.toThrow('it has 20001 narinfo files')
})
