import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import {
  isStorePath,
  packageName,
  packageVersion,
  parseStorePath,
  type StorePath,
  storePathName,
} from '../../src/nix/store-path.ts'

const digest = '0123456789abcdfghijklmnpqrsvwxyz'
const path = (name: string): StorePath => `/nix/store/${digest}-${name}`

describe('a store path', () => {
  test.each(['git-2.51.0', 'a', '.hidden', 'x+y?z=1', 'UPPER_lower', 'x'.repeat(211)])('may be named %s', (name) => {
    expect(isStorePath(path(name))).toBe(true)
    expect(parseStorePath(path(name), 'it')).toBe(path(name))
    expect(storePathName(path(name))).toBe(name)
  })

  test.each([
    ['nothing', ''],
    ['the store itself', '/nix/store'],
    ['one without a name', `/nix/store/${digest}`],
    ['one with an empty name', path('')],
    ['one with a name that is too long', path('x'.repeat(212))],
    ['a file in one', path('git/bin/git')],
    ['one with a slash behind it', path('git/')],
    ['one with a line break behind it', `${path('git')}\n`],
    ['one that leads elsewhere', '/nix/store/../../etc/passwd'],
    ['one in another store', `/opt/store/${digest}-git`],
    ['a relative one', `nix/store/${digest}-git`],
    ['one whose digest is too short', `/nix/store/${digest.slice(1)}-git`],
    ['one whose digest is too long', `/nix/store/0${digest}-git`],
    ['one whose digest is in upper case', `/nix/store/${digest.toUpperCase()}-git`],
    ...['e', 'o', 't', 'u'].map((letter) => [
      `one whose digest has ${letter}, which Nix’s base 32 lacks`,
      `/nix/store/${letter}${digest.slice(1)}-git`,
    ]),
    ['one with a blank in its name', path('a b')],
    ['one with a letter that is not ASCII', path('ü')],
  ])('is not %s', (_, text) => {
    expect(isStorePath(text ?? '')).toBe(false)
    expect(() => parseStorePath(text ?? '', 'roots[3]')).toThrow(
      new Error(`roots[3] should be a path in the Nix store, but is ${JSON.stringify(text)}`),
    )
  })
})

describe('the name and the version', () => {
  const names = [
    ['git-2.51.0', 'git', '2.51.0'],
    ['git', 'git', ''],
    ['git-doc', 'git-doc', ''],
    ['git-doc-2.51.0', 'git-doc', '2.51.0'],
    ['python3.12-requests-2.32.3', 'python3.12-requests', '2.32.3'],
    ['gcc-14.2.0-lib', 'gcc', '14.2.0-lib'],
    ['bash-interactive-5.2p37', 'bash-interactive', '5.2p37'],
    ['7zz-24.09', '7zz', '24.09'],
    ['nss-cacert-3.108', 'nss-cacert', '3.108'],
    ['x-', 'x-', ''],
    ['x--1', 'x', '-1'],
    ['a-_b', 'a', '_b'],
    ['libfoo-unstable-2024-01-01', 'libfoo-unstable', '2024-01-01'],
  ] as const

  test.each(names)('of %s are %j and %j', (name, expected, version) => {
    expect(packageName(path(name))).toBe(expected)
    expect(packageVersion(path(name))).toBe(version)
  })

  test('are what Nix makes of it', () => {
    const expression = `map builtins.parseDrvName (builtins.fromJSON ''${JSON.stringify(names.map(([name]) => name))}'')`
    const answer = execFileSync(
      'nix-instantiate',
      ['--store', 'dummy://', '--eval', '--strict', '--json', '--expr', expression],
      {
        encoding: 'utf8',
      },
    )
    expect(JSON.parse(answer)).toEqual(names.map(([, name, version]) => ({ name, version })))
  })
})
