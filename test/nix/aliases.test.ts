import { describe, expect, test } from 'vitest'
import { isRemoval, replacementsIn } from '../../src/nix/aliases.ts'

/** Texts as those of pkgs/top-level/aliases.nix. */
const texts: readonly (readonly [string, string, readonly string[]])[] = [
  ['alsaLib', "'alsaLib' has been renamed to/replaced by 'alsa-lib'", ['alsa-lib']],
  ['a', "'a' has been renamed to 'b.c_2'", ['b.c_2']],
  ['zq', 'zq has been replaced by zed', ['zed']],
  [
    'src',
    'The "src" package has been renamed to "simple-revision-control". If you see this, mend it.',
    ['simple-revision-control'],
  ],
  ['a', "'a' has been removed due to lack of maintenance. Consider using 'tre' or 'ugrep' instead.", ['tre', 'ugrep']],
  [
    'barrier',
    "'barrier' has been removed as it is unmaintained. Consider 'deskflow' or 'input-leap' instead.",
    ['deskflow', 'input-leap'],
  ],
  ['python2', 'python2 has been removed; Python 2 is end-of-life. Use `python3` instead.', ['python3']],
  ['belr', "'belr' has been moved to 'linphonePackages.belr'", ['linphonePackages.belr']],
  ['a', "'a' has been merged into 'cornucopia'", ['cornucopia']],
  ['a', 'a was removed in favor of pkgs.b', ['b']],
  ['a', "'a' was removed as it depends on 'gtk2' and nobody needs it", []],
  ['a', "'a' has been renamed to 'a'", []],
]

describe('what a message offers instead is found:', () => {
  test.each(texts)('of %s in "%s"', (name, message, offered) => {
    expect(isRemoval(message)).toBe(true)
    expect(replacementsIn(message, name)).toEqual(offered)
  })

  test('across lines, and no more than five names', () => {
    expect(replacementsIn("a has been removed, use\n       'b'", 'a')).toEqual(['b'])
    const many = Array.from({ length: 9 }, (_, index) => `'b${index}'`).join(', ')
    expect(replacementsIn(`a has been removed, use ${many}`, 'a')).toHaveLength(5)
  })
})

test('words that may be no names are offered too, since the set is asked which of them it has', () => {
  expect(replacementsIn('it has been removed; consider using the Nix expressions', 'it')).toContain('the')
})

test.each(['attribute missing', 'infinite recursion', 'x has an unfree license'])('%s is no removal', (message) => {
  expect(isRemoval(message)).toBe(false)
})
