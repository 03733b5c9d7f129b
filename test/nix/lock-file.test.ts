import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { lockedInput } from '../../src/nix/lock-file.ts'
import type { SourceReference } from '../../src/nix/source-reference.ts'

const rev = '755f5aa91337890c432639c60b6064bb7fe67769'
const narHash = 'sha256-ypxFOeDz+CqADEQNL72haqGjvZQdBR5Vc7pyx2JDttI='
const github = { type: 'github', owner: 'NixOS', repo: 'nixpkgs', rev, narHash }

const lock = (inputs: Record<string, unknown>, nodes: Record<string, unknown>): string =>
  JSON.stringify({ version: 7, root: 'root', nodes: { root: { inputs }, ...nodes } })

const find = (text: string, input = 'nixpkgs') =>
  lockedInput(text, 'flake.lock', input, { github: 'https://github.com', ownGithub: 'https://ghe.example.org' })

describe('an input of a lock file is found', () => {
  test.each([
    [
      'on GitHub',
      lock({ nixpkgs: 'nixpkgs_2' }, { nixpkgs_2: { locked: github } }),
      { type: 'tarball', url: `https://github.com/NixOS/nixpkgs/archive/${rev}.tar.gz`, revision: rev, narHash },
    ],
    [
      'on the GitHub of the workflow',
      lock({ nixpkgs: 'a' }, { a: { locked: { ...github, host: 'GHE.example.org' } } }),
      { type: 'tarball', url: `https://ghe.example.org/NixOS/nixpkgs/archive/${rev}.tar.gz`, revision: rev, narHash },
    ],
    [
      'as a tarball',
      lock({ nixpkgs: 'a' }, { a: { locked: { type: 'tarball', url: 'https://example.org/a.tar.gz', narHash } } }),
      { type: 'tarball', url: 'https://example.org/a.tar.gz', revision: undefined, narHash },
    ],
    [
      'in git',
      lock({ nixpkgs: 'a' }, { a: { locked: { type: 'git', url: 'https://example.org/a', rev, narHash } } }),
      { type: 'git', url: 'https://example.org/a', revision: rev, narHash },
    ],
    [
      'in git on a branch, shallow',
      lock(
        { nixpkgs: 'a' },
        {
          a: {
            locked: { type: 'git', url: 'https://example.org/a', ref: 'refs/heads/x', shallow: true, rev, narHash },
          },
        },
      ),
      { type: 'git', url: 'https://example.org/a', revision: rev, ref: 'refs/heads/x', narHash },
    ],
    [
      'in git on something that is no branch',
      lock(
        { nixpkgs: 'a' },
        { a: { locked: { type: 'git', url: 'https://example.org/a', ref: '--upload-pack=x', rev, narHash } } },
      ),
      { type: 'git', url: 'https://example.org/a', revision: rev, narHash },
    ],
    [
      'where it follows that of another input',
      lock(
        { nixpkgs: ['tools', 'nixpkgs'], tools: 't' },
        { t: { inputs: { nixpkgs: 'n' }, locked: {} }, n: { locked: github } },
      ),
      { type: 'tarball', url: `https://github.com/NixOS/nixpkgs/archive/${rev}.tar.gz`, revision: rev, narHash },
    ],
  ])('%s', (_, text, expected) => {
    expect(find(text)).toEqual({ ...expected, original: undefined })
  })
})

describe('what the flake asks for is found beside it:', () => {
  test.each<[string, Record<string, unknown>, SourceReference | undefined]>([
    [
      'a branch on GitHub',
      { type: 'github', owner: 'NixOS', repo: 'nixpkgs', ref: 'nixos-25.11' },
      { type: 'github', owner: 'NixOS', repo: 'nixpkgs', ref: 'nixos-25.11' },
    ],
    [
      'a commit on GitHub',
      { type: 'github', owner: 'NixOS', repo: 'nixpkgs', rev },
      { type: 'github', owner: 'NixOS', repo: 'nixpkgs', ref: rev },
    ],
    [
      'a name of the registry of flakes',
      { type: 'indirect', id: 'nixpkgs', ref: 'nixos-25.11' },
      { type: 'github', owner: 'NixOS', repo: 'nixpkgs', ref: 'nixos-25.11' },
    ],
    ['another name of it', { type: 'indirect', id: 'other', ref: 'nixos-25.11' }, undefined],
    [
      'a branch in git',
      { type: 'git', url: 'https://github.com/NixOS/nixpkgs', ref: 'nixos-25.11' },
      { type: 'git', url: 'https://github.com/NixOS/nixpkgs', ref: 'nixos-25.11', revision: undefined },
    ],
    [
      'a tarball',
      { type: 'tarball', url: 'https://channels.nixos.org/nixos-25.11/nixexprs.tar.xz' },
      { type: 'tarball', url: 'https://channels.nixos.org/nixos-25.11/nixexprs.tar.xz', narHash: undefined },
    ],
    ['another GitHub', { type: 'github', host: 'ghe.example.org', owner: 'NixOS', repo: 'nixpkgs' }, undefined],
    ['a folder', { type: 'path', path: './nixos-25.11' }, undefined],
  ])('%s', (_, original, expected) => {
    expect(find(lock({ nixpkgs: 'a' }, { a: { locked: github, original } })).original).toEqual(expected)
  })
})

test('names that every object has are names as others', () => {
  const text = lock({ nixpkgs: ['a', 'toString'], a: '__a__' }, { __a__: { inputs: { toString: '__proto__' } } })
  expect(find(text.replace('"__a__":', `"__proto__":${JSON.stringify({ locked: github })},"__a__":`))).toMatchObject({
    revision: rev,
  })
})

test('inputs may follow others a hundred deep, and no deeper', () => {
  const chain = (length: number): string =>
    lock(
      {
        nixpkgs: ['a1'],
        ...Object.fromEntries(Array.from({ length }, (_, index) => [`a${index + 1}`, [`a${index + 2}`]])),
        [`a${length + 1}`]: 'a',
      },
      { a: { locked: github } },
    )
  expect(find(chain(99))).toMatchObject({ revision: rev })
  expect(() => find(chain(100))).toThrow(
    new UserError(
      '`nixpkgs` is flake.lock#nixpkgs, which follows other inputs more than 100 deep; run `nix flake lock` and commit it.',
    ),
  )
})

describe('a lock file that pins nothing to fetch is told with what to do:', () => {
  test.each([
    ['no JSON', '{', '`nixpkgs` is flake.lock, which is no lock file of a flake; run `nix flake lock` and commit it.'],
    [
      'something else',
      '{"a": 1}',
      '`nixpkgs` is flake.lock, which is no lock file of a flake; run `nix flake lock` and commit it.',
    ],
    [
      'without the input',
      lock({ systems: 's', flake: 'f' }, {}),
      '`nixpkgs` names the input nixpkgs of flake.lock, which has only flake, systems; write one of them after `#`, as in `flake.lock#name`.',
    ],
    [
      'without inputs',
      lock({}, {}),
      '`nixpkgs` names the input nixpkgs of flake.lock, which has no inputs; write one of them after `#`, as in `flake.lock#name`.',
    ],
    [
      'a path',
      lock({ nixpkgs: 'a' }, { a: { locked: { type: 'path', path: '/a', narHash } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked as "path"; lock it from GitHub, git or a tarball.',
    ],
    [
      'without a hash',
      lock({ nixpkgs: 'a' }, { a: { locked: { ...github, narHash: undefined } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked without a `narHash`; lock it from GitHub, git or a tarball.',
    ],
    [
      'in a circle',
      lock({ nixpkgs: ['nixpkgs'] }, {}),
      '`nixpkgs` is flake.lock#nixpkgs, which follows other inputs in a circle; run `nix flake lock` and commit it.',
    ],
    [
      'in a circle through another input',
      lock({ nixpkgs: ['tools', 'nixpkgs'], tools: 't' }, { t: { inputs: { nixpkgs: ['nixpkgs'] } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which follows other inputs in a circle; run `nix flake lock` and commit it.',
    ],
    [
      'to an input that is not there',
      lock({ nixpkgs: ['tools', 'constructor'], tools: 't' }, { t: {} }),
      '`nixpkgs` is flake.lock#nixpkgs, which follows an input that is not there; run `nix flake lock` and commit it.',
    ],
    [
      'to an input with no name',
      lock({ nixpkgs: ['tools', []], tools: 't' }, { t: {} }),
      '`nixpkgs` is flake.lock#nixpkgs, which follows an input that is not there; run `nix flake lock` and commit it.',
    ],
    [
      'to what every object has',
      lock({ nixpkgs: '__proto__' }, {}),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked without a `narHash`; lock it from GitHub, git or a tarball.',
    ],
    [
      'on GitHub without an owner',
      lock({ nixpkgs: 'a' }, { a: { locked: { ...github, owner: '../..' } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked without an owner, a repository or a commit; lock it from GitHub, git or a tarball.',
    ],
    [
      'on another GitHub',
      lock({ nixpkgs: 'a' }, { a: { locked: { ...github, host: 'ghe.example.com' } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked to another GitHub than that of the workflow; lock it from GitHub, git or a tarball.',
    ],
    [
      'in git with its submodules',
      lock(
        { nixpkgs: 'a' },
        { a: { locked: { type: 'git', url: 'https://example.org/a', submodules: true, rev, narHash } } },
      ),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked with its submodules, which are not fetched; lock it from GitHub, git or a tarball.',
    ],
    ...['lfs', 'exportIgnore'].map((name): [string, string, string] => [
      `in git with ${name}`,
      lock(
        { nixpkgs: 'a' },
        { a: { locked: { type: 'git', url: 'https://example.org/a', [name]: true, rev, narHash } } },
      ),
      `\`nixpkgs\` is flake.lock#nixpkgs, which is locked with \`${name}\`, which changes its files and is not supported; lock it from GitHub, git or a tarball.`,
    ]),
    [
      'in git without a commit',
      lock({ nixpkgs: 'a' }, { a: { locked: { type: 'git', url: 'https://example.org/a', narHash } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked without a commit; lock it from GitHub, git or a tarball.',
    ],
    [
      'to a commit that is none',
      lock({ nixpkgs: 'a' }, { a: { locked: { ...github, rev: 'main' } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked to something that is no commit; lock it from GitHub, git or a tarball.',
    ],
    [
      'to a URL that anybody can change',
      lock({ nixpkgs: 'a' }, { a: { locked: { type: 'tarball', url: 'http://example.org/a.tar.gz', narHash } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked to a URL that anybody on the way can change; lock it from GitHub, git or a tarball.',
    ],
    [
      'to a URL with a password',
      lock({ nixpkgs: 'a' }, { a: { locked: { type: 'tarball', url: 'https://me:x@example.org/a.tar.gz', narHash } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked to a URL with a user or password; lock it from GitHub, git or a tarball.',
    ],
    [
      'to no URL',
      lock({ nixpkgs: 'a' }, { a: { locked: { type: 'tarball', url: 'a\n::b', narHash } } }),
      '`nixpkgs` is flake.lock#nixpkgs, which is locked to something that is no URL; lock it from GitHub, git or a tarball.',
    ],
  ])('%s', (_, text, sentence) => {
    expect(() => find(text)).toThrow(new UserError(sentence))
  })
})
