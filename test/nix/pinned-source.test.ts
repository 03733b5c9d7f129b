import { expect, test } from 'vitest'
import { pinned, refined, type SourceIdentity } from '../../src/nix/source.ts'
import { narHashOf } from '../support/closures.ts'

const url = 'https://example.org/set.git'
const narHash = narHashOf('the package set')

const identity: SourceIdentity = {
  ...{ type: 'git', url, revision: 'a'.repeat(40), narHash: undefined, claimed: undefined },
  describe: (hash, revision) => `${url} at ${revision} with ${hash}`,
  fetch: { by: 'git', url, ref: 'main', rev: undefined },
}

test('a source is pinned by its hash, and says so to people', () => {
  expect(pinned({ ...identity, narHash })).toEqual({
    ...{ type: 'git', url, narHash, revision: 'a'.repeat(40) },
    description: `${url} at ${'a'.repeat(40)} with ${narHash}`,
  })
})

test('one whose content nobody knows is not pinned', () => {
  expect(() => pinned(identity)).toThrow('Nobody knows what https://example.org/set.git holds')
})

test('what was found out when it was fetched replaces what was known before, and nothing else', () => {
  const moved = { revision: 'b'.repeat(40), narHash }
  expect(refined({ ...identity, narHash: narHashOf('another') }, moved)).toEqual({ ...identity, ...moved })
})
