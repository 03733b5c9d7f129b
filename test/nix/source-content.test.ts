import { expect, test } from 'vitest'
import { pinned, refined, type SourceIdentity } from '../../src/nix/source.ts'
import { narHashOf } from '../support/closures.ts'

const revision = '755f5aa91337890c432639c60b6064bb7fe67769'

const repository: SourceIdentity = {
  type: 'git',
  url: 'https://github.com/owner/set',
  revision,
  narHash: undefined,
  claimed: narHashOf('what somebody says'),
  describe: (narHash, commit) => `${commit} with ${narHash}`,
  fetch: { by: 'git', url: 'https://github.com/owner/set', ref: 'main', rev: undefined },
}

test('what a source holds is known when it was fetched, and then is what was fetched', () => {
  const fetched = { revision: 'f'.repeat(40), narHash: narHashOf('the files') }
  expect(refined(repository, fetched)).toEqual({ ...repository, ...fetched })
  expect(pinned(refined(repository, fetched))).toEqual({
    type: 'git',
    url: repository.url,
    ...fetched,
    description: `${fetched.revision} with ${fetched.narHash}`,
  })
})

test('a source is not pinned by what somebody says', () => {
  expect(() => pinned(repository)).toThrow('Nobody knows what https://github.com/owner/set holds')
})
