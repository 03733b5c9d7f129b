import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publicEndpoints } from '../../src/nix/endpoints.ts'
import type { NarHash } from '../../src/nix/nar-hash.ts'
import type { FetchedSource } from '../../src/nix/source.ts'
import { evaluate, pin, smallSet, withNix } from '../support/nix.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

let folder: string
let server: WebServer
let revision: string
let narHash: NarHash

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', join(folder, 'set'), '-c', 'user.name=n', '-c', 'user.email=e', ...args], {
    encoding: 'utf8',
  }).trim()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  await cp(smallSet, join(folder, 'set'), { recursive: true })
  git('init', '--quiet', '--initial-branch', 'main')
  git('add', '.')
  git('commit', '--quiet', '--message', 'the set')
  revision = git('rev-parse', 'HEAD')
  git('branch', 'release/25.11')
  git('update-server-info')
  const archive = join(folder, 'set.tar.gz')
  execFileSync('tar', ['--create', '--gzip', '--file', archive, '--directory', folder, '--exclude', '.git', 'set'])
  const truncated = join(folder, 'truncated.tar.gz')
  execFileSync('bash', ['-c', 'head --bytes 300 "$1" > "$2"', '-', archive, truncated])
  server = await startWebServer({
    '/set.tar.gz': { file: archive },
    '/truncated.tar.gz': { file: truncated },
    [`/NixOS/nixpkgs/archive/${revision}.tar.gz`]: { file: archive },
    [`/somebody/set/archive/${revision}.tar.gz`]: { file: archive },
    '/repos/somebody/set/commits/release/25.11': revision,
    '/nixos-25.11/git-revision': `${revision}\n`,
    '/nixos-broken/git-revision': '<html>',
    '/git/': { folder: join(folder, 'set', '.git') },
  })
  narHash = (await pin({ type: 'path', path: join(folder, 'set') })).narHash
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const endpoints = () => ({ ...publicEndpoints, github: server.url, githubApi: server.url, channels: server.url })
describe('every kind of source is pinned by the hash of its content, and evaluates to the same image:', () => {
  const kinds: [string, () => Promise<FetchedSource>, Partial<FetchedSource>][] = [
    ['a path', () => pin({ type: 'path', path: join(folder, 'set') }), { type: 'path' }],
    [
      'a channel',
      () => pin({ type: 'channel', channel: 'nixos-25.11' }, { endpoints: endpoints() }),
      { type: 'nixpkgs' },
    ],
    [
      'a commit of nixpkgs',
      () => pin({ type: 'nixpkgs', revision, narHash: undefined }, { endpoints: endpoints() }),
      { type: 'nixpkgs' },
    ],
    [
      'a commit with its hash',
      () => pin({ type: 'nixpkgs', revision, narHash: narHash }, { endpoints: endpoints() }),
      { type: 'nixpkgs' },
    ],
    [
      'a branch on GitHub',
      () => pin({ type: 'github', owner: 'somebody', repo: 'set', ref: 'release/25.11' }, { endpoints: endpoints() }),
      { type: 'github' },
    ],
    [
      'a git repository by https',
      () => pin({ type: 'git', url: `${server.url}/git`, ref: 'main', revision: undefined }),
      { type: 'git' },
    ],
    [
      'a commit in a local git repository',
      () => pin({ type: 'git', url: `file://${folder}/set`, ref: undefined, revision }),
      { type: 'git' },
    ],
    [
      'a tarball',
      () => pin({ type: 'tarball', url: `${server.url}/set.tar.gz`, narHash: undefined }),
      { type: 'tarball' },
    ],
    [
      'a tarball with its hash',
      () => pin({ type: 'tarball', url: `${server.url}/set.tar.gz`, narHash: narHash }),
      { type: 'tarball' },
    ],
    [
      'a lock file',
      async () => {
        const file = join(folder, 'flake.lock')
        const locked = { type: 'github', owner: 'somebody', repo: 'set', rev: revision, narHash: narHash }
        await writeFile(
          file,
          JSON.stringify({ version: 7, root: 'root', nodes: { root: { inputs: { nixpkgs: 'a' } }, a: { locked } } }),
        )
        return pin({ type: 'lock', file, input: 'nixpkgs' }, { endpoints: endpoints() })
      },
      { type: 'tarball' },
    ],
  ]

  test.each(kinds)('%s', async (_, pinned, expected) => {
    const source = await pinned()
    expect(source).toMatchObject(expected)
    expect(source.narHash).toBe(narHash)
    expect(source.description).toContain(source.narHash)
    if (source.type !== 'path' && source.type !== 'tarball') expect(source.revision).toBe(revision)
    expect(await evaluate(['tree'], { source })).toBe(await evaluate(['tree']))
  })
})

describe('a path', () => {
  test('may be a link to the folder', async () => {
    await symlink('set', join(folder, 'link'))
    expect((await pin({ type: 'path', path: join(folder, 'link') })).narHash).toBe(narHash)
  })

  test('is taken without what git ignores, and with what is not committed yet', async () => {
    const other = join(folder, 'ignoring')
    await cp(join(folder, 'set'), other, { recursive: true })
    await writeFile(join(other, '.gitignore'), 'secret\nresult/\n')
    const clean = await pin({ type: 'path', path: other })
    await writeFile(join(other, 'secret'), 'not for the store')
    await mkdir(join(other, 'result'))
    await writeFile(join(other, 'result', 'big'), 'built')
    expect((await pin({ type: 'path', path: other })).narHash).toBe(clean.narHash)
    await writeFile(join(other, 'new.nix'), '{ }')
    expect((await pin({ type: 'path', path: other })).narHash).not.toBe(clean.narHash)
  })

  test('has the same hash wherever it is', async () => {
    const other = join(folder, 'somewhere else')
    await cp(join(folder, 'set'), other, { recursive: true })
    expect((await pin({ type: 'path', path: other })).narHash).toBe(narHash)
  })
})

test('a tarball that has changed is not taken for the one before', async () => {
  const file = join(folder, 'changing.tar.gz')
  const pack = (name: string): void => {
    execFileSync('tar', ['--create', '--gzip', '--file', file, '--directory', folder, '--exclude', '.git', name])
  }
  await mkdir(join(folder, 'changed'))
  await writeFile(join(folder, 'changed', 'default.nix'), '{ ... }: { }')
  pack('set')
  await using changing = await startWebServer({ '/changing.tar.gz': { file } })
  await withNix(async (_, tools) => {
    const source = { type: 'tarball', url: `${changing.url}/changing.tar.gz`, narHash: undefined } as const
    const before = await pin(source, tools)
    pack('changed')
    expect((await pin(source, tools)).narHash).not.toBe(before.narHash)
  })
})

test('the token for GitHub goes to its API, and to no other server', async () => {
  await using api = await startWebServer({ '/repos/somebody/set/commits/main': revision })
  await pin(
    { type: 'github', owner: 'somebody', repo: 'set', ref: 'main' },
    { endpoints: { ...endpoints(), githubApi: api.url }, githubToken: 'ghs_secret' },
  )
  expect(api.requests.map(({ authorization }) => authorization)).toEqual(['Bearer ghs_secret'])
  expect(server.requests.map(({ authorization }) => authorization).filter(Boolean)).toEqual([])
})

describe('what cannot be had is one sentence that says what to do:', () => {
  const cases: [string, () => Promise<unknown>, string | RegExp][] = [
    [
      'a lock file with the hash of something else',
      async () => {
        const file = join(folder, 'other.lock')
        const locked = { type: 'git', url: `file://${folder}/set`, rev: revision, narHash: `sha256-${'A'.repeat(43)}=` }
        await writeFile(
          file,
          JSON.stringify({ nodes: { root: { inputs: { nixpkgs: 'a' } }, a: { locked } }, root: 'root', version: 7 }),
        )
        return pin({ type: 'lock', file, input: 'nixpkgs' })
      },
      /^`nixpkgs` is file:\S+\/set, which is locked to sha256-A{43}=, but what is fetched is sha256-\S+; lock it again with `nix flake update`\.$/,
    ],
    [
      'a channel that is not there',
      () => pin({ type: 'channel', channel: 'nixos-99.99' }, { endpoints: endpoints() }),
      /^`nixpkgs` is nixos-99\.99, which is no channel that can be read: .*\/nixos-99\.99\/git-revision cannot be downloaded \(the server answers 404\)/,
    ],
    [
      'a channel that answers nonsense',
      () => pin({ type: 'channel', channel: 'nixos-broken' }, { endpoints: endpoints() }),
      /answers no commit; write one into `nixpkgs`, 40 hex digits\.$/,
    ],
    [
      'a commit that is not there',
      () => pin({ type: 'nixpkgs', revision: 'f'.repeat(40), narHash: undefined }, { endpoints: endpoints() }),
      /\/NixOS\/nixpkgs\/archive\/f{40}\.tar\.gz cannot be fetched: .*404/,
    ],
    [
      'a branch that is not there',
      () => pin({ type: 'github', owner: 'somebody', repo: 'set', ref: 'nowhere' }, { endpoints: endpoints() }),
      /\/repos\/somebody\/set\/commits\/nowhere cannot be downloaded \(the server answers 404\)/,
    ],
    [
      'a commit that a repository does not have',
      () => pin({ type: 'git', url: `file://${folder}/set`, ref: undefined, revision: 'f'.repeat(40) }),
      /^file:\/\/.*\/set cannot be fetched: .*(program 'git' failed.*\(|not our ref|not found|f{40})/,
    ],
    [
      'a tarball that is not there',
      () => pin({ type: 'tarball', url: `${server.url}/nothing.tar.gz`, narHash: undefined }),
      /\/nothing\.tar\.gz cannot be fetched: .*404/,
    ],
    [
      'a tarball that is cut off',
      () => pin({ type: 'tarball', url: `${server.url}/truncated.tar.gz`, narHash: undefined }),
      /\/truncated\.tar\.gz cannot be fetched: .*(runcated|archive)/,
    ],
    [
      'a tarball with another content',
      async () =>
        evaluate(['tree'], {
          source: await pin({ type: 'tarball', url: `${server.url}/set.tar.gz`, narHash: `sha256-${'A'.repeat(43)}=` }),
        }),
      /^The packages cannot be evaluated from .*hash mismatch.*; check the hash in `nixpkgs`\.$/,
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
    const path = await mkdtemp(join(folder, 'broken-'))
    await writeFile(join(path, 'default.nix'), text)
    const source = await pin({ type: 'path', path })
    await expect(evaluate(['tree'], { source })).rejects.toThrow(sentence)
  })
})
