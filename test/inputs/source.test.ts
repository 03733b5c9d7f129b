import { describe, expect, test } from 'vitest'
import { parseSource } from '../../src/inputs/source.ts'
import pins from '../../src/nix/pins.json' with { type: 'json' }
import type { SourceReference } from '../../src/nix/source-reference.ts'

const read = (text: string): { source: SourceReference; problems: string[] } => {
  const problems: string[] = []
  return { source: parseSource(text, '/work/space', (sentence) => problems.push(sentence)), problems }
}

const revision = '755f5aa91337890c432639c60b6064bb7fe67769'
const narHash = 'sha256-ypxFOeDz+CqADEQNL72haqGjvZQdBR5Vc7pyx2JDttI='
const git = { type: 'git', ref: undefined, revision: undefined } as const

describe('packages come from', () => {
  test.each<[string, string, SourceReference]>([
    ['a channel', 'nixos-25.11', { type: 'channel', channel: 'nixos-25.11' }],
    ['a channel that moves', 'nixos-unstable', { type: 'channel', channel: 'nixos-unstable' }],
    ['a channel of nixpkgs', 'nixpkgs-unstable', { type: 'channel', channel: 'nixpkgs-unstable' }],
    ['a commit of nixpkgs', revision, { type: 'nixpkgs', revision, narHash: undefined }],
    ['a commit with its hash', `${revision}#${narHash}`, { type: 'nixpkgs', revision, narHash }],
    ['a repository', 'github:o-w/r.p/main', { type: 'github', owner: 'o-w', repo: 'r.p', ref: 'main' }],
    ['a branch with slashes', 'github:o/r/a/b-c', { type: 'github', owner: 'o', repo: 'r', ref: 'a/b-c' }],
    ['a git URL', 'git+https://example.org/set.git', { ...git, url: 'https://example.org/set.git' }],
    ['a branch of git', 'git+https://a.org/s?ref=main', { ...git, url: 'https://a.org/s', ref: 'main' }],
    ['a commit of git', `git+https://a.org/s?rev=${revision}`, { ...git, url: 'https://a.org/s', revision }],
    [
      'a commit of a branch of git',
      `git+https://a.org/s?ref=main&rev=${revision}`,
      { type: 'git', url: 'https://a.org/s', ref: 'main', revision },
    ],
    ['a git folder', 'git+file:///srv/set', { ...git, url: 'file:///srv/set' }],
    ['git on this machine', 'git+http://127.0.0.1:8080/set', { ...git, url: 'http://127.0.0.1:8080/set' }],
    ['a tarball', 'https://a.org/s.tar.gz', { type: 'tarball', url: 'https://a.org/s.tar.gz', narHash: undefined }],
    [
      'a tarball with its hash',
      `https://a.org/s.tar.xz#${narHash}`,
      { type: 'tarball', url: 'https://a.org/s.tar.xz', narHash },
    ],
    [
      'a tarball on this machine',
      'http://localhost:80/s.tgz',
      { type: 'tarball', url: 'http://localhost:80/s.tgz', narHash: undefined },
    ],
    ['an absolute path', '/srv/nixpkgs', { type: 'path', path: '/srv/nixpkgs' }],
    ['a path from the workspace', './nix/set', { type: 'path', path: '/work/space/nix/set' }],
    ['the workspace', '.', { type: 'path', path: '/work/space' }],
    ['a path beside the workspace', '../other/', { type: 'path', path: '/work/other' }],
    ['the folder above it', '..', { type: 'path', path: '/work' }],
    ['a lock file', 'flake.lock', { type: 'lock', file: '/work/space/flake.lock', input: 'nixpkgs' }],
    [
      'an input of a lock file',
      './ci/flake.lock#stable',
      { type: 'lock', file: '/work/space/ci/flake.lock', input: 'stable' },
    ],
    ['a lock file elsewhere', '/srv/flake.lock#', { type: 'lock', file: '/srv/flake.lock', input: 'nixpkgs' }],
  ])('%s', (_, text, source) => {
    expect(read(text)).toEqual({ source, problems: [] })
  })
})

const forms = `write a channel (\`${pins.nixpkgs.channel}\`), a commit of nixpkgs (40 hex digits), \`github:owner/repo/ref\`, \`git+https://…\`, the URL of a tarball, a path (\`./nix\`), or \`flake.lock\``
const hashForm = ', whose hash is not of the form `sha256-…=`'
const insecure = ', which anybody on the way can change; use https'
const nothingCanFollow = ', where nothing can follow `#`'

describe('the user is told what is wrong, and all that can be written, for', () => {
  test.each([
    ['nothing', '', ''],
    ['a folder that does not look like a path', 'nix', ''],
    ['a hidden folder', '.nix', ''],
    ['a commit that is too short', revision.slice(1), ''],
    ['a commit in upper case', revision.toUpperCase(), ''],
    ['a repository without a branch', 'github:owner/repo', ''],
    ['a lock file by another name', 'flake.lock.old', ''],
    ['a commit with a hash that is too short', `${revision}#sha256-abc=`, hashForm],
    ['a commit with a hash of another kind', `${revision}#sha512-${'x'.repeat(43)}=`, hashForm],
    ['a commit with an empty hash', `${revision}#`, hashForm],
    ['a channel with a hash', `nixos-25.11#${narHash}`, nothingCanFollow],
    ['a path with a hash', `./nix#${narHash}`, nothingCanFollow],
    ['git with a hash', `git+https://a.org/s#${narHash}`, nothingCanFollow],
    ['a URL that is none', 'https://', ', which is no URL'],
    ['a tarball over plain HTTP', 'http://a.org/s.tar.gz', insecure],
    ['git over plain HTTP', 'git+http://a.org/s', insecure],
    ['git over another protocol', 'git+ftp://a.org/s', ', which is no URL of git'],
    ['git of no commit', 'git+https://a.org/s?rev=main', ', whose `rev` is no commit of 40 hex digits'],
    ['a tarball over another protocol', 'ftp://a.org/s.tar.gz', ', which is no URL of a tarball'],
    ['a page', 'https://a.org/s.html', ', which does not end like a tarball, as in `.tar.gz`'],
    ['a tarball with a wrong hash', 'https://a.org/s.tar.gz#sha256-x', hashForm],
  ])('%s', (_, text, why) => {
    expect(read(text).problems).toEqual([`\`nixpkgs\` is ${JSON.stringify(text)}${why}; ${forms}.`])
  })
})

describe('credentials in a URL', () => {
  const urls = [
    'https://ghp_secret@a.org/s.tar.gz',
    'https://:ghp_secret@a.org/s.tar.gz',
    'git+https://me:ghp_secret@a.org/s',
  ]

  test.each(urls)('are refused, with where they belong: %s', (url) => {
    const { problems } = read(url)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(
      url.startsWith('git+')
        ? ', which holds a user or password; use ssh with a key; write a channel'
        : ', which holds a user or password; `github:owner/repo/ref` uses `github-token`, and a netrc file can be named in `nix-config`; write a channel',
    )
  })

  test('are not meant by the user of an ssh address', () => {
    expect(read('git+ssh://git@a.org/s')).toEqual({
      source: { type: 'git', url: 'ssh://git@a.org/s', ref: undefined, revision: undefined },
      problems: [],
    })
  })

  test.each(urls)('are not repeated in the log: %s', (url) => {
    expect(read(url).problems.join()).not.toContain('ghp_secret')
  })

  test('are not repeated where there is an @ in them', () => {
    expect(read('git+https://me:with@ghp_secret@a.org/s').problems.join()).not.toContain('ghp_secret')
  })
})
