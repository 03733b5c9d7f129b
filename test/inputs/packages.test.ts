import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePackages } from '../../src/inputs/packages.ts'

const read = (text: string): { packages: string[]; problems: string[] } => {
  const problems: string[] = []
  return { packages: parsePackages(text, (sentence) => problems.push(sentence)), problems }
}

describe('packages', () => {
  test.each<[string, string, string[]]>([
    ['separated by blanks', 'git jq', ['git', 'jq']],
    ['separated by commas', 'git,jq, curl ,nano,', ['git', 'jq', 'curl', 'nano']],
    ['one a line', 'git\n  jq\n\n\tcurl\n', ['git', 'jq', 'curl']],
    ['one a line as Windows writes them', 'git\r\n# a comment\r\njq\r\n', ['git', 'jq']],
    ['in the order that they are written in', 'zsh bash', ['zsh', 'bash']],
    ['named twice are in once, at their first place', 'jq git jq', ['jq', 'git']],
    ['between comment lines', '# tools\ngit\n  # more of them\njq\n#curl', ['git', 'jq']],
    [
      'in sets',
      'python3Packages.requests haskell.packages.ghc98.aeson',
      ['python3Packages.requests', 'haskell.packages.ghc98.aeson'],
    ],
    ['whose names start with a digit or underscore', '7zz _7zz', ['7zz', '_7zz']],
    ['with parts in quotes', 'nodePackages."@angular/cli" git', ['nodePackages."@angular/cli"', 'git']],
    ['with blanks, commas and dots in quotes', 'a."b c,d".e,"f.g"', ['a."b c,d".e', '"f.g"']],
    ['without quotes that they do not need', '"git" a."b" git', ['git', 'a.b']],
    ['whose names have a plus', 'g++ libstdc++.x', ['g++', 'libstdc++.x']],
    [
      'with versions as others write them, of which the package set is asked',
      'nodejs@20 nodejs:20 python3==3.11 git>=2.40 node~20 go=1.22-r0',
      ['nodejs@20', 'nodejs:20', 'python3==3.11', 'git>=2.40', 'node~20', 'go=1.22-r0'],
    ],
    [
      'with modules in parentheses',
      'python3.withPackages(requests, numpy) haskellPackages.ghcWithPackages(lens) git',
      ['python3.withPackages(requests, numpy)', 'haskellPackages.ghcWithPackages(lens)', 'git'],
    ],
    [
      'with modules, on lines of their own, with comments, and each once',
      'git\npython3.withPackages (\n  requests\n  # numbers\n  numpy,requests\n),jq',
      ['git', 'python3.withPackages(requests, numpy)', 'jq'],
    ],
    [
      'with modules whose names have quotes',
      'sbcl.withPackages("cl-ppcre" "a.b")',
      ['sbcl.withPackages(cl-ppcre, "a.b")'],
    ],
    [
      'with modules, under one name for one package',
      'python3."withPackages"("requests" requests)\r\n"python3".withPackages(\r\n requests\r\n)',
      ['python3.withPackages(requests)'],
    ],
    ['with parentheses in quotes', 'a."b(c)" "d (e"', ['a."b(c)"', '"d (e"']],
    ['whose names have hyphens and primes', "gtk+'s x-y".replace("gtk+'s", "a'b"), ["a'b", 'x-y']],
  ])('%s are read', (_, text, packages) => {
    expect(read(text)).toEqual({ packages, problems: [] })
  })

  test.each<[string, string, string[]]>([
    ['stands for a small shell', 'shell', ['bashInteractive', 'coreutils', 'moreutils', 'nano']],
    ['keeps its place', 'git shell jq', ['git', 'bashInteractive', 'coreutils', 'moreutils', 'nano', 'jq']],
    ['does not repeat what is there', 'nano shell', ['nano', 'bashInteractive', 'coreutils', 'moreutils']],
    ['is one only where it is the whole name', 'shell.x myshell', ['shell.x', 'myshell']],
  ])('the meta-package `shell` %s', (_, text, packages) => {
    expect(read(text)).toEqual({ packages, problems: [] })
  })

  test('named like something that every JavaScript object has are names like others', () => {
    const names = ['constructor', '__proto__', 'toString']
    expect(read(names.join(' '))).toEqual({ packages: names, problems: [] })
  })
})

describe('the user is told', () => {
  test.each([
    [
      'git;',
      '`packages` has "git;", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      'nixpkgs#git',
      '`packages` has "nixpkgs#git"; write `git`, since the input `nixpkgs` says where packages come from.',
    ],
    [
      'github:NixOS/nixpkgs/nixos-25.11#nodejs@20',
      '`packages` has "github:NixOS/nixpkgs/nixos-25.11#nodejs@20"; write `nodejs@20`, since the input `nixpkgs` says where packages come from.',
    ],
    [
      'nixpkgs#',
      '`packages` has "nixpkgs#", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      '.git',
      '`packages` has ".git", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      'git.',
      '`packages` has "git.", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      'a..b',
      '`packages` has "a..b", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      '-v',
      '`packages` has "-v", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      '"git',
      '`packages` has "\\"git", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      '""',
      '`packages` has "\\"\\"", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      String.raw`a."b\c"`,
      String.raw`\`packages\` has "a.\"b\\c\"", `.replaceAll('\\`', '`') +
        'which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      'git@',
      '`packages` has "git@", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      '${x}',
      '`packages` has "${x}", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      'gít',
      '`packages` has "gít", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
  ])('that %s is no name', (name, problem) => {
    expect(read(`jq ${name}`).problems).toEqual([problem])
  })

  test('of a comment behind a name once, and that it goes into a line of its own', () => {
    for (const text of ['git # to fetch\njq # for JSON', 'git #fetch #it'])
      expect(read(text).problems.filter((problem) => !/"(to|for|it)"/.test(problem))).toEqual([
        '`packages` has a `#` behind a name; write comments in lines of their own.',
      ])
  })

  test('of each wrong name once', () => {
    expect(read('a! b! a!').problems.map((problem) => /"(.*)"/.exec(problem)?.[1])).toEqual(['a!', 'b!'])
  })

  test.each(['', ' \n', ',,', '# only a comment\n'])('where there is no package (%j)', (text) => {
    expect(read(text).problems).toEqual([
      '`packages` names no package; list attribute paths of nixpkgs, as in `packages: bashInteractive coreutils git`.',
    ])
  })
})

test('the list is the same however it is separated', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}(\.[a-z][a-z0-9]{0,4})?$/)
  const separator = fc.stringMatching(/^(\s|,){0,3}(\s|,)$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(name, separator)), (pairs) => {
      const text = pairs.map(([name, separator]) => name + separator).join('')
      expect(read(text).packages).toEqual(read(pairs.map(([name]) => name).join(' ')).packages)
    }),
  )
})
