import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { evaluate } from '../support/nix.ts'
import { nixConfigFolder } from '../support/nix-places.ts'

const derivationPath = /^\/nix\/store\/[0-9a-z]{32}-nix-image\.drv$/
const unknown = (name: string, instead: string): RegExp =>
  new RegExp(
    `^\`packages\` has ${name}, which is not in /.*small-set with the content sha256-\\S{43}=; ${instead}$`,
    'm',
  )

describe('a name', () => {
  test.each([
    ['as the set has it', 'tree', 'tree'],
    ['with dots, of a package in a set', 'haskellPackages.aeson', 'haskellPackages.aeson'],
    ['with its first part in lower case', 'haskellpackages.aeson', 'haskellPackages.aeson'],
    ['with its first part in upper case', 'TREE', 'tree'],
    ['that starts with a digit', '7zz', '_7zz'],
    ['that starts with a digit, in another case', '7ZZ', '_7zz'],
    ['whose later part starts with a digit', 'haskellPackages.2d-view', 'haskellPackages.2d-view'],
  ])('%s is found', async (_, written, found) => {
    const derivation = await evaluate([written])
    expect(derivation).toMatch(derivationPath)
    expect(derivation).toBe(await evaluate([found]))
  })

  test.each([
    ['with two neighbours swapped', 'tere', 'did you mean `tree`\\?'],
    ['with a character too many', 'treee', 'did you mean `tree`\\?'],
    ['with an edit in a set of packages', 'haskellPackages.aesom', 'did you mean `haskellPackages.aeson`\\?'],
    ['without its last two letters', 'describ', 'did you mean `described`\\?'],
    ['as others call it', 'postgres', 'write `postgresql`\\.'],
    ['of a set, with more behind it', 'haskelPackages.aeson', 'did you mean `haskellPackages.aeson`\\?'],
    ['that differs by hyphens only', 'sbin-a', 'did you mean `sbinA`\\?'],
    ['that nothing is like', 'firefox', 'search for the name at https://search.nixos.org/packages\\.'],
    ['of something in a package', 'tree.bin.x', '`tree` has no other outputs; write `tree`\\.'],
  ])('%s is unknown, with what may be meant', async (_, written, instead) => {
    await expect(evaluate([written])).rejects.toThrow(unknown(written, instead))
  })

  test.each([
    ['haskellPackages', 'set', 'name a package in it, as in `haskellPackages.aeson`.'],
    ['text', 'string', 'name a package, which https://search.nixos.org/packages helps to find.'],
    ['lib.id', 'function', 'call it in the default.nix of your own package set, and name what it returns.'],
  ])('%s is no package, and the error says what it is', async (written, type, instead) => {
    const message = await evaluate([written]).then(String, (error: Error) => error.message)
    expect(message.replace(/\/\S*small-set with the content [^;]+(?=;)/, 'SET')).toBe(
      `\`packages\` has ${written}, which is a ${type} and not a package in SET; ${instead}`,
    )
  })

  test('that is optional is left out where the set does not have it', async () => {
    expect(await evaluate(['tree', { attr: 'cacert', optional: true }])).toBe(await evaluate(['tree']))
    expect(await evaluate(['tree', { attr: 'other', optional: true }])).toBe(await evaluate(['tree', 'other']))
  })

  test('of the preset is told as that, with what to do', async () => {
    const needs = (attr: string): string =>
      `\`preset: job-container\` needs ${attr}, which is not in SET; name a newer nixpkgs, or write \`preset: default\`.`
    const failing = evaluate([
      'tree',
      { attr: 'other' },
      { attr: 'nix-ld', linked: false },
      { attr: 'stdenv.cc.cc.lib', linked: false },
    ])
    const message = await failing.then(String, (error: Error) => error.message)
    expect(message.replaceAll(/\/\S*small-set with the content [^;]+(?=;)/g, 'SET')).toBe(
      ['nix-ld', 'stdenv.cc.cc.lib'].map(needs).join('\n'),
    )
  })

  test('under two spellings is one package', async () => {
    expect(await evaluate(['7zz', '_7zz'])).toBe(await evaluate(['_7zz']))
  })
})

test('all wrong names are told at once', async () => {
  const error = await evaluate(['tere', 'text', 'nothing-like-it']).catch((error: Error) => error.message)
  expect(String(error).split('\n')).toHaveLength(3)
})

test('what a package set throws is what the user reads', async () => {
  await expect(evaluate(['removed'])).rejects.toThrow(
    /^The packages cannot be evaluated from .*: package removed: removed was removed from the set, use tree; write `tree`\.$/,
  )
})

test('nixpkgs-config reaches the package set', async () => {
  expect(await evaluate(['greeting'], { config: { greeting: 'hello' } })).not.toBe(await evaluate(['greeting']))
})

test('nothing is built while packages are evaluated', async () => {
  const derivation = await evaluate(['greeting'], { config: { greeting: `${process.pid}-${Date.now()}` } })
  const env = { ...process.env, NIX_CONF_DIR: nixConfigFolder }
  const outputs = execFileSync('nix-store', ['--query', '--outputs', derivation], { env, encoding: 'utf8' })
  for (const output of outputs.trimEnd().split('\n'))
    expect(() => execFileSync('nix-store', ['--check-validity', output], { env, stdio: 'ignore' })).toThrow()
})
