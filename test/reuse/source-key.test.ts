import { expect, test } from 'vitest'
import type { SourceIdentity } from '../../src/nix/source.ts'
import { sourceAsWritten, sourceKey } from '../../src/reuse/source-key.ts'
import { narHashOf } from '../support/closures.ts'

const revision = '755f5aa91337890c432639c60b6064bb7fe67769'
const url = `https://github.com/owner/set/archive/${revision}.tar.gz`

const archive: SourceIdentity = {
  type: 'github',
  url,
  revision,
  narHash: undefined,
  claimed: undefined,
  describe: () => '',
  fetch: { by: 'tarball', url, srcType: 'tarball' },
}
const repository: SourceIdentity = { ...archive, type: 'git', fetch: { by: 'git', url, ref: 'main', rev: undefined } }
const path: SourceIdentity = {
  ...{ ...archive, type: 'path', revision: undefined, narHash: narHashOf('the files') },
  fetch: { by: 'path', path: '/set', ignored: [] },
}
const other: SourceIdentity = { ...archive, fetch: { by: 'tarball', url: `${url}?token=secret`, srcType: 'tarball' } }
const claims: SourceIdentity = { ...archive, claimed: narHashOf('what somebody says') }

test('a source is found again by its kind, URL and revision', () => {
  const keys = [archive, repository, other, { ...archive, revision: 'f'.repeat(40) }].map(sourceKey)
  expect(new Set(keys).size).toBe(4)
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/)
})

test('but not by a hash that somebody gives, nor by a hash that is known', () => {
  expect(sourceKey(claims)).toBe(sourceKey(archive))
  expect(sourceKey({ ...archive, narHash: narHashOf('the files') })).toBe(sourceKey(archive))
})

test('files on this machine are not found again by where they are', () => {
  expect(sourceKey(path)).toBeUndefined()
  expect(sourceKey({ ...repository, revision: undefined })).toBeUndefined()
})

test('as it is written, a source is another one with another revision, URL, claim, or content of a folder', () => {
  const written = [archive, repository, other, claims, path, { ...path, narHash: narHashOf('other files') }]
  expect(new Set(written.map(sourceAsWritten)).size).toBe(written.length)
  expect(sourceAsWritten({ ...path, fetch: { by: 'path', path: '/elsewhere', ignored: [] } })).toBe(
    sourceAsWritten(path),
  )
  expect(sourceAsWritten({ ...archive, narHash: narHashOf('the files') })).toBe(sourceAsWritten(archive))
})
