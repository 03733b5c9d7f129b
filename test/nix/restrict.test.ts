import { expect, test } from 'vitest'
import { restrictNix, trustsUser } from '../../src/nix/restrict.ts'
import { withNix } from '../support/nix.ts'
import { makeSpy } from '../support/spy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('nothing is built by a Nix that is restricted, even if it is asked to', async () => {
  await using folder = await temporaryFolder('restricted')
  const spy = await makeSpy(folder.path)
  await withNix(async (nix) => {
    await nix('nix', ['copy', '--derivation', '--no-check-sigs', '--from', spy.store, spy.derivation])
    const realise = (nix: Parameters<typeof restrictNix>[0]) => nix('nix-store', ['--realise', spy.derivation])
    await expect(realise(restrictNix(nix, undefined))).rejects.toThrow('nix-store ended with')
    expect(await spy.loot()).toBeUndefined()
    // The spy's derivation can be built.
    await realise(nix)
    expect(await spy.loot()).toBeDefined()
  })
})

test('a store without a daemon does what its user says', async () => {
  expect(await withNix(trustsUser)).toBe(true)
})
