import { expect, test } from 'vitest'
import { realiseImage } from '../../src/nix/realise.ts'
import { parseStorePath } from '../../src/nix/store-path.ts'
import { withNix } from '../support/nix.ts'

const failing = `derivation {
  name = "broken-1.0";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "echo configuring; echo no compiler >&2; exit 3" ];
}`

test('the end of the log of what does not build is told, without a daemon too', async () => {
  const message = await withNix(async (nix, { access, ...tools }) => {
    const derivation = parseStorePath((await nix('nix-instantiate', ['--expr', failing])).trim(), 'the derivation')
    return realiseImage({ derivation, tools: [] }, access, tools).catch((error: Error) => error.message)
  })
  expect(message).toBe(
    'The derivation broken-1.0 does not build (exit code 3); its log ends with:\n> configuring\n> no compiler\nFix that package, or leave it out of `packages`.',
  )
})
