import { expect, test } from 'vitest'
import { sourceStorePath } from '../../src/nix/source-store-path.ts'
import { narHashOf } from '../support/closures.ts'
import { withNix } from '../support/nix.ts'

test('the path of a source is the one that Nix computes', async () => {
  await withNix(async (nix) => {
    for (const text of ['', 'a', 'b', 'c', 'd']) {
      const hash = narHashOf(text)
      const args = ['--print-fixed-path', '--recursive', 'sha256', hash, 'source']
      expect(sourceStorePath(hash)).toBe((await nix('nix-store', args)).trim())
    }
  })
})
