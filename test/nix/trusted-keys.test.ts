import { expect, test } from 'vitest'
import { trustedPublicKeys } from '../../src/nix/trusted-keys.ts'
import { withNix } from '../support/nix.ts'

test('trusted keys are those of all settings that Nix takes them from', async () => {
  const config = 'trusted-public-keys = a-1:AAAA b-1:BBBB\nextra-trusted-public-keys = c-1:CCCC'
  expect(await withNix(trustedPublicKeys, config)).toEqual(['a-1:AAAA', 'b-1:BBBB', 'c-1:CCCC'])
})

test('where nothing is said, it is the one of cache.nixos.org', async () => {
  expect(await withNix(trustedPublicKeys)).toEqual([expect.stringMatching(/^cache\.nixos\.org-1:/)])
})
