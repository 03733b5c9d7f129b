import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { evaluateImage } from '../../src/nix/evaluate.ts'
import { configureNix } from '../../src/nix/nix.ts'
import type { FetchedSource } from '../../src/nix/source.ts'
import { root } from '../support/action.ts'
import { silentLog } from '../support/log.ts'
import { evaluate, pin } from '../support/nix.ts'
import { nixConfigFolder, pathWithNix } from '../support/nix-places.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const set = join(root, 'test', 'fixtures', 'refusing-set')
let source: FetchedSource
beforeAll(async () => {
  source = await pin({ type: 'path', path: set })
})

/** The sentences for these packages, with SET for the package set, and without what they begin with. */
const told = async (packages: string, config: Record<string, unknown> = {}): Promise<string[]> => {
  const message = await evaluate(packages.split(' '), { source, config }).then(String, (error: Error) => {
    expect(error.name).toBe('UserError')
    return error.message
  })
  return message
    .replaceAll(/\/\S*refusing-set with the content sha256-[^;:]+/g, 'SET')
    .replaceAll('The packages cannot be evaluated from SET: ', '')
    .split('\n')
}

const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'
const refusing = (name: string, why: string): string =>
  `Refusing to evaluate package '${name}' in source/pkgs/package.nix:10 because it ${why}`
const refused = (name: string, why: string): string =>
  `Package ‘${name}’ in source/pkgs/package.nix:10 ${why}, refusing to evaluate`

describe('what nixpkgs refuses is told with the `nixpkgs-config` that allows it, as YAML takes it:', () => {
  test.each<[string, string, string]>([
    [
      'new.broken',
      refusing('foo-1.0', 'has problems: - broken: This package is broken'),
      `leave it out, or write \`nixpkgs-config: '{ "allowBroken": true }'\` to try it.`,
    ],
    [
      'new.removal',
      refusing('foo-bar-1.0', 'has problems: - removal: It goes. - eol (kind "deprecated"): It is old'),
      `leave it out, or write \`nixpkgs-config: '{ "problems": { "handlers": { "foo-bar": { "removal": "warn", "eol": "warn" } } } }'\` to use it all the same.`,
    ],
    [
      'new.unfree',
      refusing('foo-unstable-2025-01-01', 'has an unfree license (‘unfree’)'),
      `write \`nixpkgs-config: '{ "allowUnfree": true }'\` if you may use it.`,
    ],
    [
      'new.insecure',
      refusing('openssl-1.1.1w', 'is marked as insecure'),
      `choose another version, or write \`nixpkgs-config: '{ "permittedInsecurePackages": ["openssl-1.1.1w"] }'\` if you accept the risk.`,
    ],
    [
      'new.unsupported',
      refusing('foo-1.0', 'is not available on the requested hostPlatform'),
      `it is for aarch64-darwin and not for ${system}; leave it out, or write \`nixpkgs-config: '{ "allowUnsupportedSystem": true }'\` to try it.`,
    ],
    [
      'new.other',
      refusing('foo-1.0', 'is not available on the requested hostPlatform'),
      `it is for riscv64-linux and not for ${system}; leave it out, or write \`nixpkgs-config: '{ "allowUnsupportedSystem": true }'\` to try it.`,
    ],
    [
      'old.broken',
      refused('foo-1.0', 'is marked as broken'),
      `leave it out, or write \`nixpkgs-config: '{ "allowBroken": true }'\` to try it.`,
    ],
    [
      'old.unfree',
      refused('foo-1.0', 'has an unfree license (‘unfree’)'),
      `write \`nixpkgs-config: '{ "allowUnfree": true }'\` if you may use it.`,
    ],
    [
      'old.insecure',
      refused('openssl-1.1.1w', 'is marked as insecure'),
      `choose another version, or write \`nixpkgs-config: '{ "permittedInsecurePackages": ["openssl-1.1.1w"] }'\` if you accept the risk.`,
    ],
    [
      'old.unsupported',
      'Package ‘foo-1.0’ in source/pkgs/package.nix:10 is not available on the requested hostPlatform',
      `it is for aarch64-darwin and not for x86_64-unknown-linux-gnu; leave it out, or write \`nixpkgs-config: '{ "allowUnsupportedSystem": true }'\` to try it.`,
    ],
    [
      'old.unsupported2018',
      refused('foo-1.0', `is not supported on ‘${system}’`),
      `leave it out, or write \`nixpkgs-config: '{ "allowUnsupportedSystem": true }'\` to try it.`,
    ],
    [
      'old.unfree2015',
      'Package ‘foo-1.0’ in ‘source/pkgs/package.nix:10’ has an unfree license, refusing to evaluate',
      `write \`nixpkgs-config: '{ "allowUnfree": true }'\` if you may use it.`,
    ],
    [
      'licence',
      "You must accept the Android Software Development Kit License Agreement. by setting nixpkgs config option 'android_sdk.accept_license = true;'",
      `write \`nixpkgs-config: '{ "android_sdk": { "accept_license": true } }'\` if you accept that licence.`,
    ],
  ])('%s', async (attr, said, hint) => {
    expect(await told(attr)).toEqual([`package ${attr}: ${said}; ${hint}`])
  })

  test('with the packages alone, where the set can allow these', async () => {
    const config = { knowsPackages: true }
    expect(await told('new.unfree', config)).toEqual([
      expect.stringContaining(
        `; write \`nixpkgs-config: '{ "knowsPackages": true, "allowUnfreePackages": ["foo"] }'\` if you may use it.`,
      ),
    ])
  })

  test('with what the input has already, and once more for all of them', async () => {
    const config = { knowsPackages: true, allowUnfreePackages: ["it's"] }
    const before = `"knowsPackages": true, "allowUnfreePackages": ["it''s", `
    expect(await told('new.unfree second new.insecure', config)).toEqual([
      expect.stringContaining(`write \`nixpkgs-config: '{ ${before}"foo"] }'\` if`),
      expect.stringContaining(`write \`nixpkgs-config: '{ ${before}"second"] }'\` if`),
      expect.stringContaining(`${before.slice(0, -2)}], "permittedInsecurePackages": ["openssl-1.1.1w"] }'\` if`),
      `With all of these: \`nixpkgs-config: '{ ${before}"foo", "second"], "permittedInsecurePackages": ["openssl-1.1.1w"] }'\`.`,
    ])
  })
})

describe('what fails once the advice is followed is told too:', () => {
  const unfree = (name: string): string => refused(`${name}-1`, 'has an unfree license (‘unfree’)')
  const platform = `it is for aarch64-darwin and not for ${system}; leave it out, or write`
  const written = (...names: string[]): string =>
    `\`nixpkgs-config: '{ "knowsPackages": true, "allowUnfreePackages": [${names.map((name) => `"${name}"`).join(', ')}] }'\``
  const also = (names: string, setting: string): string => written(names).replace(' }', `, "${setting}": true }`)

  test.each<[string, string, readonly string[]]>([
    [
      'another package that it needs',
      'client',
      [
        `package client: ${unfree('client')}; write ${written('client')} if you may use it.`,
        `With that written: package client: ${unfree('client-unwrapped')}; write ${written('client', 'client-unwrapped')} if you may use it.`,
        `With all of these: ${written('client', 'client-unwrapped')}.`,
      ],
    ],
    [
      'many of them, which are allowed together',
      'toolkit',
      [
        `package toolkit: ${unfree('a')}; write ${written('a')} if you may use it.`,
        `With that written: package toolkit: ${unfree('b')}; write ${written('a', 'b')} if you may use it.`,
        `With that written: package toolkit: ${unfree('c')}; write ${written('a', 'b', 'c')} if you may use it.`,
        `With that written: package toolkit: ${unfree('d')}; write ${also('a", "b", "c', 'allowUnfree')} if you may use it.`,
        `With all of these: ${also('a", "b", "c', 'allowUnfree')}.`,
      ],
    ],
    [
      'another reason, and what no setting helps',
      'foreign',
      [
        `package foreign: ${unfree('foreign')}; write ${written('foreign')} if you may use it.`,
        `With that written: package foreign: ${refusing('foo-1.0', 'is not available on the requested hostPlatform')}; ${platform} ${also('foreign', 'allowUnsupportedSystem')} to try it.`,
        'With that written: package foreign: no binary for it; leave it out.',
        `With all of these: ${also('foreign', 'allowUnsupportedSystem')}.`,
      ],
    ],
    [
      'what a removed name was replaced by',
      'oldClient',
      [
        "package oldClient: 'oldClient' has been renamed to/replaced by 'client'; write `client`.",
        `With that written: package client: ${unfree('client')}; write ${written('client')} if you may use it.`,
        `With that written: package client: ${unfree('client-unwrapped')}; write ${written('client', 'client-unwrapped')} if you may use it.`,
        `With all of these: ${written('client', 'client-unwrapped')}.`,
      ],
    ],
    [
      'what an unknown name stands for',
      'tofu',
      [
        '`packages` has tofu, which is not in SET; write `opentofu`.',
        `With that written: package opentofu: ${unfree('opentofu')}; write ${written('opentofu')} if you may use it.`,
      ],
    ],
  ])('%s', async (_, attr, sentences) => {
    expect(await told(attr, { knowsPackages: true })).toEqual(sentences)
  })
})

describe('what a set no longer has is told with what it has instead:', () => {
  test.each([
    ['renamed', "'renamed' has been renamed to/replaced by 'tree'", 'write `tree`.'],
    ['replaced', 'replaced was removed from the set, use tree', 'write `tree`.'],
    [
      'offering',
      "offering has been removed due to lack of maintenance. Consider using 'gone' or 'tree' instead",
      'write `tree`.',
    ],
    [
      'oldPackages.tree',
      'oldPackages has been removed. Many packages are now available at the top level',
      'write `tree`.',
    ],
    [
      'oldPackages.other',
      'oldPackages has been removed. Many packages are now available at the top level',
      'leave it out, or name an older `nixpkgs` that has it.',
    ],
    [
      'removed',
      "'removed' has been removed as it was unmaintained upstream",
      'leave it out, or name an older `nixpkgs` that has it.',
    ],
  ])('%s', async (attr, said, hint) => {
    expect(await told(attr)).toEqual([`package ${attr}: ${said}; ${hint}`])
  })
})

describe('what else ends an evaluation is told with what to do:', () => {
  const newer =
    'write `install-nix: always` for the Nix of this action, or `nix-version` for a newer one, or name an older `nixpkgs`.'
  test.each([
    [
      'tooOld',
      'This version of Nixpkgs requires an implementation of Nix with the following features: - `builtins.nixVersion` reports at least 2.18',
      newer,
    ],
    ['tooOld2022', 'This version of Nixpkgs requires Nix >= 2.3, please upgrade', newer],
    [
      'impure',
      "attribute 'currentSystem' missing",
      'the package set is called with `system`; let it use that in place of `builtins.currentSystem`.',
    ],
    [
      'dated',
      "attribute 'currentTime' missing",
      'evaluation is pure: the package set may read nothing but its own files.',
    ],
    ['fault', "attribute 'missing' missing", 'see the log above.'],
    ['endless', 'infinite recursion encountered', 'see the log above.'],
    ['late', 'late has no output', 'see the log above.'],
  ])('%s', async (attr, said, hint) => {
    expect(await told(attr)).toEqual([`package ${attr}: ${said}; ${hint}`])
  })
})

describe('all packages that fail are told at once,', () => {
  test('in the order that they are listed in, with the names that are unknown', async () => {
    const unknown =
      '`packages` has nosuch, which is not in SET; search for the name at https://search.nixos.org/packages.'
    const sentences = (await told('first tree second nosuch third')).map((sentence) => sentence.replace(/:.*/, ''))
    expect(sentences).toEqual(['package first', 'package second', unknown.replace(/:.*/, ''), 'package third'])
    expect(await told('nosuch tree late')).toEqual([unknown, 'package late: late has no output; see the log above.'])
  })

  test('also where their faults are no throws', async () => {
    const sentences = await told('fault endless nosuch late')
    expect(sentences.map((sentence) => /^package (\w+)|has (\w+)/.exec(sentence)?.slice(1).join(''))).toEqual([
      'fault',
      'endless',
      'nosuch',
      'late',
    ])
  })

  test('in one sentence where they fail for the same reason', async () => {
    expect(await told('needs tree needsToo')).toEqual([
      expect.stringMatching(/^packages needs, needsToo: Package ‘openssl-1\.1\.1w’ in .* is marked as insecure/),
    ])
  })

  test('under the names that were asked for', async () => {
    expect(await told('RENAMED first')).toEqual([
      expect.stringMatching(/^package RENAMED: .*; write `tree`\.$/),
      expect.stringMatching(/^package first: /),
    ])
  })
})

test('the log has the message, and where in the package set it is from', async () => {
  await using folder = await temporaryFolder('log')
  const lines: string[] = []
  const environment = { PATH: pathWithNix(), HOME: folder.path, NIX_CONF_DIR: nixConfigFolder }
  const { inEnvironment } = await configureNix('', {
    environment,
    temporary: folder.path,
    signal: new AbortController().signal,
    log: { ...silentLog, info: (line) => lines.push(line) },
  })
  const request = { nixDirectory: join(root, 'nix'), source, config: {}, system, nativeSystem: system }
  await expect(evaluateImage({ ...request, packages: ['new.unfree'] }, inEnvironment(environment))).rejects.toThrow()
  expect(lines.length).toBeLessThanOrEqual(100)
  expect(lines[0]).toMatch(/^error: Refusing to evaluate package 'foo-unstable-2025-01-01' in /)
  expect(lines[1]?.trim()).toBe('a) To temporarily allow it, you can use an environment variable')
  expect(lines.some((line) => /at \/nix\/store\/\w+-source\/default\.nix:\d+/.test(line))).toBe(true)
})
