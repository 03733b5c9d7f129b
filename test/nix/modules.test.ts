import { expect, test } from 'vitest'
import { modulesBeside, takesModules } from '../../src/nix/modules.ts'

test.each([
  ['python3.withPackages', true],
  ['emacs.pkgs.withPackages', true],
  ['haskellPackages.ghcWithPackages', true],
  ['poetry.withPlugins', true],
  ['withPackages', true],
  ['python3', false],
  ['lib.fetchurl', false],
  ['withdraw', false],
  ['python3.withPackages.requests', false],
])('whether %s can take modules: %s', (path, expected) => {
  expect(takesModules(path)).toBe(expected)
})

const sentence = (interpreter: string, modules: string, instead: string): string =>
  `\`${interpreter}\` does not find the modules that are listed beside it, which are in store paths of their own: ${modules}. Write \`${instead}\` in place of \`${interpreter}\` and of these modules.`

test.each<[string, [string, string, string][]]>([
  ['python3 python3Packages.requests', [['python3', 'python3Packages.requests', 'python3.withPackages(requests)']]],
  [
    'python3Packages.requests git python3 python3Packages.numpy',
    [['python3', 'python3Packages.requests, python3Packages.numpy', 'python3.withPackages(requests, numpy)']],
  ],
  ['python3 python3.pkgs.requests', [['python3', 'python3.pkgs.requests', 'python3.withPackages(requests)']]],
  ['python3 python312Packages.numpy', [['python3', 'python312Packages.numpy', 'python3.withPackages(numpy)']]],
  [
    'python312 python313 python313Packages.numpy',
    [['python313', 'python313Packages.numpy', 'python313.withPackages(numpy)']],
  ],
  ['python3 python3packages.requests', [['python3', 'python3packages.requests', 'python3.withPackages(requests)']]],
  [
    'python3.withPackages(numpy) python3Packages.requests',
    [['python3.withPackages(numpy)', 'python3Packages.requests', 'python3.withPackages(numpy, requests)']],
  ],
  ['perl perlPackages.DBI', [['perl', 'perlPackages.DBI', 'perl.withPackages(DBI)']]],
  [
    'ruby_3_4 rubyPackages_3_4.nokogiri',
    [['ruby_3_4', 'rubyPackages_3_4.nokogiri', 'ruby_3_4.withPackages(nokogiri)']],
  ],
  ['ruby ruby.gems.nokogiri', [['ruby', 'ruby.gems.nokogiri', 'ruby.withPackages(nokogiri)']]],
  ['lua5_4 lua54Packages.luasocket', [['lua5_4', 'lua54Packages.luasocket', 'lua5_4.withPackages(luasocket)']]],
  ['R rPackages.ggplot2', [['R', 'rPackages.ggplot2', 'R.withPackages(ggplot2)']]],
  ['rWrapper rPackages.ggplot2', [['rWrapper', 'rPackages.ggplot2', 'R.withPackages(ggplot2)']]],
  ['ghc haskellPackages.lens', [['ghc', 'haskellPackages.lens', 'ghc.withPackages(lens)']]],
  ['emacs-nox emacsPackages.magit', [['emacs-nox', 'emacsPackages.magit', 'emacs-nox.pkgs.withPackages(magit)']]],
  [
    'postgresql_17 postgresql17Packages.postgis',
    [['postgresql_17', 'postgresql17Packages.postgis', 'postgresql_17.withPackages(postgis)']],
  ],
  ['php84 php84Extensions.redis', [['php84', 'php84Extensions.redis', 'php84.withExtensions(redis)']]],
  [
    'python3 python3Packages.x perl perlPackages.y',
    [
      ['python3', 'python3Packages.x', 'python3.withPackages(x)'],
      ['perl', 'perlPackages.y', 'perl.withPackages(y)'],
    ],
  ],
  ['Python3 Python3Packages.x', [['Python3', 'Python3Packages.x', 'Python3.withPackages(x)']]],
  ['python3Minimal python3Packages.x', [['python3Minimal', 'python3Packages.x', 'python3Minimal.withPackages(x)']]],
  // Programs, modules without their interpreter, and interpreters of others.
  ['php phpPackages.composer', []],
  ['nodejs nodePackages.typescript', []],
  ['ocaml ocamlPackages.dune', []],
  ['python3Packages.black', []],
  ['ruby-lsp rubyPackages.nokogiri', []],
  ['perl python3Packages.requests', []],
  ['python3.withPackages(requests)', []],
  ['constructor __proto__.pkgs.x', []],
])('of %s, the user is told %j', (names, expected) => {
  expect(modulesBeside(names.split(' '))).toEqual(expected.map((each) => sentence(...each)))
})

test.each([
  [
    'python3;python3.withPackages(requests)',
    '`python3` hides the programs of `python3.withPackages(requests)` behind it, which have the same names. Leave out `python3`.',
  ],
  [
    'python3.withPackages(numpy);git;python3.withPackages(requests)',
    '`python3.withPackages(numpy)` hides the programs of `python3.withPackages(requests)` behind it, which have the same names. Write `python3.withPackages(numpy, requests)` in place of `python3.withPackages(numpy)` and `python3.withPackages(requests)`.',
  ],
  [
    'R;R.withPackages(dplyr);rPackages.ggplot2',
    '`R` does not find the modules that are listed beside it, which are in store paths of their own: rPackages.ggplot2. Write `R.withPackages(dplyr, ggplot2)` in place of `R` and `R.withPackages(dplyr)` and of these modules.',
  ],
  ['python3.withPackages(requests);python3', undefined],
  ['python312;python313.withPackages(requests)', undefined],
])('an interpreter that is listed twice: %s', (names, expected) => {
  expect(modulesBeside(names.split(';'))).toEqual(expected === undefined ? [] : [expected])
})
