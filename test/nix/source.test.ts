import { execFileSync } from 'node:child_process'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FetchedSource } from '../../src/nix/source.ts'
import { evaluate, pin, withNix } from '../support/nix.ts'
import { type PackageSources, startPackageSources } from '../support/package-sources.ts'
import { startWebServer } from '../support/web-server.ts'

let sources: PackageSources

beforeAll(async () => {
  sources = await startPackageSources()
})
afterAll(async () => {
  await sources[Symbol.asyncDispose]()
})

describe('every kind of source is pinned by the hash of its content, and evaluates to the same image:', () => {
  const kinds: [string, () => Promise<FetchedSource>, Partial<FetchedSource>][] = [
    ['a path', () => pin({ type: 'path', path: join(sources.folder, 'set') }), { type: 'path' }],
    [
      'a channel',
      () => pin({ type: 'channel', channel: 'nixos-25.11' }, { endpoints: sources.endpoints }),
      { type: 'nixpkgs' },
    ],
    [
      'a commit of nixpkgs',
      () => pin({ type: 'nixpkgs', revision: sources.revision, narHash: undefined }, { endpoints: sources.endpoints }),
      { type: 'nixpkgs' },
    ],
    [
      'a commit with its hash',
      () =>
        pin(
          { type: 'nixpkgs', revision: sources.revision, narHash: sources.narHash },
          { endpoints: sources.endpoints },
        ),
      { type: 'nixpkgs' },
    ],
    [
      'a branch on GitHub',
      () =>
        pin({ type: 'github', owner: 'somebody', repo: 'set', ref: 'release/25.11' }, { endpoints: sources.endpoints }),
      { type: 'github' },
    ],
    [
      'a git repository by https',
      () => pin({ type: 'git', url: `${sources.server.url}/git`, ref: 'main', revision: undefined }),
      { type: 'git' },
    ],
    [
      'a commit in a local git repository',
      () => pin({ type: 'git', url: `file://${sources.folder}/set`, ref: undefined, revision: sources.revision }),
      { type: 'git' },
    ],
    [
      'a tarball',
      () => pin({ type: 'tarball', url: `${sources.server.url}/set.tar.gz`, narHash: undefined }),
      { type: 'tarball' },
    ],
    [
      'a tarball with its hash',
      () => pin({ type: 'tarball', url: `${sources.server.url}/set.tar.gz`, narHash: sources.narHash }),
      { type: 'tarball' },
    ],
    [
      'a lock file',
      async () => {
        const file = join(sources.folder, 'flake.lock')
        const locked = {
          type: 'github',
          owner: 'somebody',
          repo: 'set',
          rev: sources.revision,
          narHash: sources.narHash,
        }
        await writeFile(
          file,
          JSON.stringify({ version: 7, root: 'root', nodes: { root: { inputs: { nixpkgs: 'a' } }, a: { locked } } }),
        )
        return pin({ type: 'lock', file, input: 'nixpkgs' }, { endpoints: sources.endpoints })
      },
      { type: 'tarball' },
    ],
  ]

  test.each(kinds)('%s', async (_, pinned, expected) => {
    const source = await pinned()
    expect(source).toMatchObject(expected)
    expect(source.narHash).toBe(sources.narHash)
    expect(source.description).toContain(source.narHash)
    if (source.type !== 'path' && source.type !== 'tarball') expect(source.revision).toBe(sources.revision)
    expect(await evaluate(['tree'], { source })).toBe(await evaluate(['tree']))
  })
})

describe('a path', () => {
  test('may be a link to the folder', async () => {
    await symlink('set', join(sources.folder, 'link'))
    expect((await pin({ type: 'path', path: join(sources.folder, 'link') })).narHash).toBe(sources.narHash)
  })

  test('is taken without what git ignores, and with what is not committed yet', async () => {
    const other = join(sources.folder, 'ignoring')
    await cp(join(sources.folder, 'set'), other, { recursive: true })
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
    const other = join(sources.folder, 'somewhere else')
    await cp(join(sources.folder, 'set'), other, { recursive: true })
    expect((await pin({ type: 'path', path: other })).narHash).toBe(sources.narHash)
  })
})

test('a tarball that has changed is not taken for the one before', async () => {
  const file = join(sources.folder, 'changing.tar.gz')
  const pack = (name: string): void => {
    execFileSync('tar', [
      '--create',
      '--gzip',
      '--file',
      file,
      '--directory',
      sources.folder,
      '--exclude',
      '.git',
      name,
    ])
  }
  await mkdir(join(sources.folder, 'changed'))
  await writeFile(join(sources.folder, 'changed', 'default.nix'), '{ ... }: { }')
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
  await using api = await startWebServer({ '/repos/somebody/set/commits/main': sources.revision })
  await pin(
    { type: 'github', owner: 'somebody', repo: 'set', ref: 'main' },
    { endpoints: { ...sources.endpoints, githubApi: api.url }, githubToken: 'ghs_secret' },
  )
  expect(api.requests.map(({ authorization }) => authorization)).toEqual(['Bearer ghs_secret'])
  expect(sources.server.requests.map(({ authorization }) => authorization).filter(Boolean)).toEqual([])
})
