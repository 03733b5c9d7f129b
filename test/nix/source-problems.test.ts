import { execFileSync } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluate, pin } from '../support/nix.ts'
import { type PackageSources, startPackageSources } from '../support/package-sources.ts'

let sources: PackageSources

beforeAll(async () => {
  sources = await startPackageSources()
})
afterAll(async () => {
  await sources[Symbol.asyncDispose]()
})

describe('what cannot be had is one sentence that says what to do:', () => {
  const cases: [string, () => Promise<unknown>, string | RegExp][] = [
    [
      'a lock file with the hash of something else',
      async () => {
        const file = join(sources.folder, 'other.lock')
        const locked = {
          type: 'git',
          url: `file://${sources.folder}/set`,
          rev: sources.revision,
          narHash: `sha256-${'A'.repeat(43)}=`,
        }
        await writeFile(
          file,
          JSON.stringify({ nodes: { root: { inputs: { nixpkgs: 'a' } }, a: { locked } }, root: 'root', version: 7 }),
        )
        return pin({ type: 'lock', file, input: 'nixpkgs' })
      },
      /^`nixpkgs` gives commit [0-9a-f]{40} of file:\S+\/set the hash sha256-A{43}=, but what is fetched has sha256-\S+=; write the hash that belongs to it, or lock it again with `nix flake update`\.$/,
    ],
    [
      'a channel that is not there',
      () => pin({ type: 'channel', channel: 'nixos-99.99' }, { endpoints: sources.endpoints }),
      /^`nixpkgs` is nixos-99\.99, which is no channel that can be read: .*\/nixos-99\.99\/git-revision cannot be downloaded \(the server answers 404\)/,
    ],
    [
      'a channel that answers nonsense',
      () => pin({ type: 'channel', channel: 'nixos-broken' }, { endpoints: sources.endpoints }),
      /answers no commit; write one into `nixpkgs`, 40 hex digits\.$/,
    ],
    [
      'a commit that is not there',
      () => pin({ type: 'nixpkgs', revision: 'f'.repeat(40), narHash: undefined }, { endpoints: sources.endpoints }),
      /\/NixOS\/nixpkgs\/archive\/f{40}\.tar\.gz cannot be fetched: .*404/,
    ],
    [
      'a branch that is not there',
      () => pin({ type: 'github', owner: 'somebody', repo: 'set', ref: 'nowhere' }, { endpoints: sources.endpoints }),
      /\/repos\/somebody\/set\/commits\/nowhere cannot be downloaded \(the server answers 404\)/,
    ],
    [
      'a commit that a repository does not have',
      () => pin({ type: 'git', url: `file://${sources.folder}/set`, ref: undefined, revision: 'f'.repeat(40) }),
      /^file:\/\/.*\/set cannot be fetched: .*(program 'git' failed.*\(|not our ref|not found|f{40})/,
    ],
    [
      'a tarball that is not there',
      () => pin({ type: 'tarball', url: `${sources.server.url}/nothing.tar.gz`, narHash: undefined }),
      /\/nothing\.tar\.gz cannot be fetched: .*404/,
    ],
    [
      'a tarball that is cut off',
      () => pin({ type: 'tarball', url: `${sources.server.url}/truncated.tar.gz`, narHash: undefined }),
      /\/truncated\.tar\.gz cannot be fetched: .*(runcated|archive)/,
    ],
    [
      'a tarball with another content',
      () => pin({ type: 'tarball', url: `${sources.server.url}/set.tar.gz`, narHash: `sha256-${'A'.repeat(43)}=` }),
      /^`nixpkgs` gives \S+\/set\.tar\.gz the hash sha256-A{43}=, but what is fetched has sha256-\S+=; write the hash/,
    ],
    [
      'a path that is not there',
      () => pin({ type: 'path', path: '/nowhere' }),
      '`nixpkgs` is /nowhere, which does not exist; check the path, and that actions/checkout ran before this step.',
    ],
    [
      'a folder that is no package set',
      () => pin({ type: 'path', path: tmpdir() }),
      `\`nixpkgs\` is ${tmpdir()}, which has no default.nix; name the folder of a package set.`,
    ],
    [
      'a lock file that is not there',
      () => pin({ type: 'lock', file: '/nowhere/flake.lock', input: 'nixpkgs' }),
      '`nixpkgs` is /nowhere/flake.lock, which cannot be read (ENOENT); check the path, and that actions/checkout ran before this step.',
    ],
  ]
  test.each(cases)('%s', async (_, attempt, sentence) => {
    await expect(attempt()).rejects.toThrow(sentence)
  })

  test('a repository with a flake.nix alone', async () => {
    const path = await mkdtemp(join(sources.folder, 'flake-'))
    const git = (...args: string[]): string => execFileSync('git', ['-C', path, ...args], { encoding: 'utf8' })
    git('init', '--quiet')
    await writeFile(join(path, 'flake.nix'), '{ outputs = _: { }; }')
    git('add', '.')
    git('-c', 'user.name=n', '-c', 'user.email=e', 'commit', '--quiet', '--message', 'a flake')
    const source = await pin({ type: 'git', url: `file://${path}`, ref: undefined, revision: undefined })
    await expect(evaluate(['tree'], { source })).rejects.toThrow(
      /: load-pkgs: the source has a flake\.nix and no default\.nix; write into `nixpkgs` the one that its flake\.lock has, or add a default\.nix that takes `\{ system, \.\.\. \}` and returns a set of packages\.$/,
    )
  })

  test.each([
    [
      'does not evaluate',
      '{ ... }: { tree = throw "out of order"; }',
      /: package tree: out of order; see the log above\.$/,
    ],
    [
      'is not a set',
      '{ ... }: [ 1 2 ]',
      /: load-pkgs: the source evaluates to a list; it must be a set of packages, or a function/,
    ],
    ['is no Nix', '{ ... }: {', /^The packages cannot be evaluated from .*: syntax error/],
    [
      'has no tools to pack with',
      '{ system, ... }: { tree = derivation { name = "tree"; builder = "b"; inherit system; }; }',
      /build-image: the package set has no `bash` for .*; an image is put together with bash, coreutils and gnutar/,
    ],
  ])('a package set that %s', async (_, text, sentence) => {
    const path = await mkdtemp(join(sources.folder, 'broken-'))
    await writeFile(join(path, 'default.nix'), text)
    const source = await pin({ type: 'path', path })
    await expect(evaluate(['tree'], { source })).rejects.toThrow(sentence)
  })
})
