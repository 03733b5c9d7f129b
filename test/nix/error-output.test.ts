import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { complaint, errorsIn } from '../../src/nix/error-output.ts'
import { root } from '../support/action.ts'

/** What Nix wrote to standard error for a package of `test/fixtures/refusing-set`, evaluated by this action. */
const captured = (name: string, version: string): string =>
  readFileSync(join(root, 'test', 'fixtures', 'nix-errors', `${name}-${version}.txt`), 'utf8')

const versions = ['2.8', '2.34']
const messages: Readonly<Record<string, readonly string[]>> = {
  renamed: ["'renamed' has been renamed to/replaced by 'tree'"],
  broken: [
    expect.stringMatching(
      /^Refusing to evaluate package 'foo-1\.0' in \S+package\.nix:10 because it has problems:$/,
    ) as string,
    '       - broken: This package is broken.',
    '',
    '       See also https://nixos.org/manual/nixpkgs/unstable#sec-problems',
    '       To allow evaluation regardless, use:',
    '       - Nixpkgs import: import nixpkgs { config = <below code>; }',
    '',
    '         {',
    '           problems.handlers = {',
    '             foo.broken = "warn"; # or "ignore"',
    '           };',
    '         }',
  ],
  tooOld: [
    "evaluation aborted with the following error message: '",
    '       This version of Nixpkgs requires an implementation of Nix with the following features:',
    '       - `builtins.nixVersion` reports at least 2.18',
    '',
    '       You are evaluating with Nix 2.8.0, please upgrade:',
    "       '",
  ],
  impure: ["attribute 'currentSystem' missing"],
}

describe.each(versions)('an error of Nix %s', (version) => {
  test.each(Object.entries(messages))('(%s) has one message, and a trace that names the package', (name, message) => {
    const errors = errorsIn(captured(name, version))
    expect(errors).toHaveLength(1)
    expect(errors[0]?.message).toEqual(message)
    const attr = name === 'broken' ? 'new.broken' : name
    expect(errors[0]?.trace.map((line) => line.trim())).toContain(`… while evaluating the package '${attr}'`)
  })

  test.each(Object.entries(messages))('(%s) is logged with its message first, in 100 lines', (name, message) => {
    const [first = '', ...others] = message
    const lines = complaint(captured(name, version))
    expect(lines.length).toBeLessThanOrEqual(100)
    expect(lines[0]?.replace('error: ', '')).toEqual(first)
    expect(lines.slice(1, message.length)).toEqual(others)
    // The part of the trace that is in the package set says the most.
    expect(lines.some((line) => /at \/nix\/store\/\w+-source\/default\.nix:\d+/.test(line))).toBe(true)
  })
})

describe('errors are told apart', () => {
  test.each<[string, string, string[][]]>([
    ['one after the other', 'error: one\nerror: two\n', [['one'], ['two']]],
    ['with what else is printed left out before them', 'building\nerror: one\n', [['one']]],
    ['in colours', '\u001b[31;1merror:\u001b[0m one\n', [['one']]],
    ['behind a header without a trace', 'error:\n       error: one\n       more\n', [['one', '       more']]],
    ['whose message begins on the next line', 'error:\n       one\n', [['       one']]],
    ['whose message has an empty line first', 'error: \n       one\n', [['       one']]],
    ['that begin anew after one with a header', 'error:\n       error: one\nerror: two\n', [['one'], ['two']]],
    ['none where there is none', 'warning: error: unable to download\n', []],
  ])('%s', (_, stderr, expected) => {
    expect(errorsIn(stderr).map(({ message }) => message)).toEqual(expected)
  })
})

test('without an error, the end of the output is logged', () => {
  const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`)
  expect(complaint(lines.join('\n'))).toEqual(lines.slice(10))
})

test('of many errors, and of long messages, no more than 100 lines are logged', () => {
  const many = Array.from({ length: 200 }, (_, index) => `error: ${index}`)
  expect(complaint(many.join('\n'))).toEqual(many.slice(0, 100))
  const long = ['error: first', ...Array.from({ length: 200 }, () => '       more')]
  expect(complaint(long.join('\n'))).toEqual(long.slice(0, 100))
})
