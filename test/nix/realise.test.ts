import { describe, expect, test } from 'vitest'
import type { Nix } from '../../src/nix/nix.ts'
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

const unbuilt = (): string => `derivation {
  name = "unbuilt-${performance.timeOrigin}-${performance.now()}";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "echo built >$out" ];
}`

describe('nothing is built by the user of the step', () => {
  test.each<[string, (line: string) => string | undefined, RegExp]>([
    [
      'that Nix lists in other words than today',
      (line) => line.replace('will be built', 'has to be made'),
      /^Nix lists \/nix\/store\/\S+\.drv, and does not say what for$/,
    ],
    [
      'that Nix does not list',
      () => undefined,
      /^Nix says that nothing is to be built, but \/nix\/store\/\S+ is not there$/,
    ],
  ])('%s', async (_, worded, sentence) => {
    await withNix(async (nix, { access, ...tools }) => {
      const derivation = parseStorePath((await nix('nix-instantiate', ['--expr', unbuilt()])).trim(), 'the derivation')
      const changed: Nix = (program, args, options = {}) =>
        nix(program, args, {
          ...options,
          ...(args.includes('--dry-run') && {
            onLine: (line: string) => {
              const words = worded(line)
              if (words !== undefined) options.onLine?.(words)
            },
          }),
        })
      const realised = realiseImage({ derivation, tools: [] }, { ...access, sandbox: 'auto', nix: changed }, tools)
      await expect(realised).rejects.toThrow(sentence)
      const output = (await nix('nix-store', ['--query', '--outputs', derivation])).trim()
      await expect(nix('nix-store', ['--check-validity', output])).rejects.toThrow()
    })
  })
})
