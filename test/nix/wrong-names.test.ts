import { expect, test } from 'vitest'
import { parseWrongName, whatIsWrong } from '../../src/nix/wrong-names.ts'

const sentence = (fields: Record<string, unknown>, packages: readonly unknown[] = ['a']): string =>
  whatIsWrong(parseWrongName({ attr: 'a', reason: 'not_found', ...fields }, 'it'), 'SET', packages)

test('what is known best is told first', () => {
  const all = {
    alternative: ['b', 'c'],
    versions: [{ attr: 'a_1', version: '1' }],
    nearMisses: ['d', 'e'],
    package: 'a',
    outputs: ['bin', 'out'],
  }
  const has = '`packages` has a, which is not in SET; '
  const said = [
    'write `b c`.',
    'there is `a_1` (1).',
    'did you mean `d`, `e`?',
    'the outputs of `a` are `a.bin`, `a.out`.',
  ]
  const fields: Record<string, unknown> = { ...all }
  for (const [index, name] of ['alternative', 'versions', 'nearMisses', 'package'].entries()) {
    expect(sentence(fields)).toBe(`${has}${said[index]}`)
    delete fields[name]
  }
  expect(sentence(fields)).toBe(`${has}search for the name at https://search.nixos.org/packages.`)
})

test('a package of the preset is told as that', () => {
  expect(sentence({}, [{ attr: 'a' }])).toBe(
    '`preset: job-container` needs a, which is not in SET; name a newer nixpkgs, or write `preset: default`.',
  )
})

test.each<[Record<string, unknown>, string]>([
  [{ attr: 1 }, 'it.attr should be a string'],
  [{ nearMisses: 'a' }, 'it.nearMisses should be a list'],
  [{ versions: [{}] }, 'it.versions[0].attr should be a string'],
])('an answer that is none is refused: %j', (fields, problem) => {
  expect(() => sentence(fields)).toThrow(problem)
})
