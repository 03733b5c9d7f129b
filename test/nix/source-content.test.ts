import { expect, test } from 'vitest'
import { contentOf, refined, type SourceIdentity } from '../../src/nix/source.ts'
import { narHashOf } from '../support/closures.ts'

const revision = '755f5aa91337890c432639c60b6064bb7fe67769'

const archive: SourceIdentity = {
  type: 'github',
  url: `https://github.com/owner/set/archive/${revision}.tar.gz`,
  revision,
  narHash: undefined,
  describe: () => '',
  fetch: { by: 'tarball', url: `https://github.com/owner/set/archive/${revision}.tar.gz`, srcType: 'tarball' },
}
const repository: SourceIdentity = {
  ...archive,
  type: 'git',
  url: 'https://github.com/owner/set',
  fetch: { by: 'git', url: 'https://github.com/owner/set', ref: 'main', rev: undefined },
}
const workingTree: SourceIdentity = { ...repository, revision: undefined }
const hash = narHashOf('the files')

test('a hash stands for the same content wherever it comes from', () => {
  const known = [archive, repository, workingTree].map((identity) => contentOf({ ...identity, narHash: hash }))
  expect(new Set(known)).toEqual(new Set([hash]))
})

test('a commit stands for the content only where it comes from: a server may pack something else of it', () => {
  expect(new Set([contentOf(archive), contentOf(repository)]).size).toBe(2)
  expect(contentOf({ ...repository, revision: 'f'.repeat(40) })).not.toBe(contentOf(repository))
  // A lock file may claim any commit for a hash; the hash is what is checked.
  expect(contentOf({ ...archive, narHash: narHashOf('other files') })).not.toBe(contentOf(archive))
})

test('of a working tree nothing is known before it was fetched, and of the others nothing else afterwards', () => {
  const fetched = { type: 'git', url: '', revision, narHash: hash, description: '' } as const
  expect(contentOf(workingTree)).toBeUndefined()
  expect(contentOf(refined(workingTree, { ...fetched, revision: undefined }))).toBe(hash)
  expect(contentOf(refined(repository, fetched))).toBe(contentOf(repository))
})

test('a branch that has moved on is another content', () => {
  const fetched = { type: 'git', url: '', revision: 'f'.repeat(40), narHash: hash, description: '' } as const
  expect(contentOf(refined(repository, fetched))).not.toBe(contentOf(repository))
})
