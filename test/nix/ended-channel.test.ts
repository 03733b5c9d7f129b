import { describe, expect, test } from 'vitest'
import { endedChannel } from '../../src/nix/ended-channel.ts'
import type { SourceReference } from '../../src/nix/source-reference.ts'

const revision = '21a67dc470149f337cecafbe965d8d252a390518'
const pins = {
  nixpkgs: { channel: 'nixos-26.05', revision },
  channelEnds: { '25.05': '2025-12-31', '25.11': '2026-06-30', '26.05': '2026-12-31', '26.11': '2027-06-30' },
}
const on = (day: string): number => Date.parse(`${day}T12:00:00Z`)
const channel = (name: string): SourceReference => ({ type: 'channel', channel: name })
const tarball = (from: string): SourceReference => ({ type: 'tarball', url: from, narHash: undefined })
const github = (ref: string, owner = 'NixOS'): SourceReference => ({ type: 'github', owner, repo: 'nixpkgs', ref })
const git = (url: string, ref: string, commit?: string): SourceReference => ({
  type: 'git',
  url,
  ref,
  revision: commit,
})
const url = 'https://github.com/NixOS/nixpkgs'

describe('a channel without security updates is told of, with the one to write instead:', () => {
  test.each<[string, SourceReference, string, string]>([
    ['the day after', channel('nixos-25.11'), '2026-07-01', 'nixos-25.11|on 2026-06-30; write nixos-26.05.'],
    ['years later', channel('nixos-25.05'), '2026-11-27', 'nixos-25.05|on 2025-12-31; write nixos-26.05.'],
    ['older than the table', channel('nixos-20.09'), '2026-11-27', 'nixos-20.09|before 2025-12-31; write nixos-26.05.'],
    [
      'a smaller one',
      channel('nixos-25.11-small'),
      '2026-11-27',
      'nixos-25.11-small|on 2026-06-30; write nixos-26.05-small.',
    ],
    [
      'of nixpkgs',
      channel('nixpkgs-25.11-darwin'),
      '2026-11-27',
      'nixpkgs-25.11-darwin|on 2026-06-30; write nixpkgs-26.05-darwin.',
    ],
    [
      'with an ending that no new one has',
      channel('nixos-20.09-aarch64'),
      '2026-11-27',
      'nixos-20.09-aarch64|before 2025-12-31; write nixos-26.05.',
    ],
    ...[
      'https://channels.nixos.org/nixos-25.11/nixexprs.tar.xz',
      'https://nixos.org/channels/nixos-25.11/nixexprs.tar.xz',
      'https://github.com/NixOS/nixpkgs/archive/nixos-25.11.tar.gz',
      'https://github.com/nixos/nixpkgs/archive/refs/heads/nixos-25.11.tar.gz',
    ].map((url): [string, SourceReference, string, string] => [
      url,
      tarball(url),
      '2026-11-27',
      'nixos-25.11|on 2026-06-30; write nixos-26.05.',
    ]),
    [
      'the tarball of a smaller one',
      tarball('https://channels.nixos.org/nixos-25.11-small/nixexprs.tar.xz'),
      '2026-11-27',
      'nixos-25.11-small|on 2026-06-30; write nixos-26.05-small.',
    ],
    ['a branch', github('release-25.11'), '2026-11-27', 'release-25.11|on 2026-06-30; write release-26.05.'],
    [
      'a branch of nixos',
      github('nixos-25.11', 'nixos'),
      '2026-11-27',
      'nixos-25.11|on 2026-06-30; write nixos-26.05.',
    ],
    ['a whole ref', github('refs/heads/nixos-25.11'), '2026-11-27', 'nixos-25.11|on 2026-06-30; write nixos-26.05.'],
    ['by git', git(url, 'nixos-25.11'), '2026-11-27', 'nixos-25.11|on 2026-06-30; write nixos-26.05.'],
    [
      'by git with its ending',
      git(`${url}.git`, 'nixos-25.11'),
      '2026-11-27',
      'nixos-25.11|on 2026-06-30; write nixos-26.05.',
    ],
    ['after ours', channel('nixos-26.05'), '2027-01-01', 'nixos-26.05|on 2026-12-31; write nixos-26.11.'],
    [
      'after all that are known',
      channel('nixos-26.11'),
      '2027-07-01',
      'nixos-26.11|on 2027-06-30; write a newer channel.',
    ],
  ])('%s', (_, source, day, expected) => {
    expect(endedChannel(source, on(day), undefined, pins)).toBe(
      `\`nixpkgs\` is ${expected.replace('|', ', whose security updates ended ')}`,
    )
  })

  test('our own commit, with a newer release of the action too', () => {
    const source: SourceReference = { type: 'nixpkgs', revision, narHash: undefined }
    expect(endedChannel(source, on('2027-01-01'), undefined, pins)).toBe(
      '`nixpkgs` is a commit of nixos-26.05, whose security updates ended on 2026-12-31; use a newer release of this action, or write nixos-26.11.',
    )
    expect(endedChannel(source, on('2026-12-31'), undefined, pins)).toBe(undefined)
  })
})

test('what a flake asks for and its lock file has, with what to do there', () => {
  expect(endedChannel(github('nixos-25.11'), on('2026-11-27'), '/work/flake.lock', pins)).toBe(
    '`nixpkgs` is /work/flake.lock, which locks nixos-25.11, whose security updates ended on 2026-06-30; write nixos-26.05 into the flake, and run `nix flake update`.',
  )
})

describe('nothing is said of', () => {
  test.each<[string, SourceReference, string]>([
    ['a channel on its last day', channel('nixos-25.11'), '2026-06-30'],
    ['a channel that no row has', channel('nixos-27.05'), '2030-01-01'],
    ['the unstable channels', channel('nixos-unstable'), '2030-01-01'],
    ['another name that starts alike', channel('nixos-25.11x'), '2030-01-01'],
    ['a fork', github('nixos-25.11', 'somebody'), '2030-01-01'],
    ['a commit on GitHub', github(revision), '2030-01-01'],
    ['a commit of a branch', git(url, 'nixos-25.11', revision), '2030-01-01'],
    ['a repository elsewhere', git('https://example.org/NixOS/nixpkgs', 'nixos-25.11'), '2030-01-01'],
    ['another commit of nixpkgs', { type: 'nixpkgs', revision: 'a'.repeat(40), narHash: undefined }, '2030-01-01'],
    ['a folder', { type: 'path', path: '/nixos-25.11' }, '2030-01-01'],
    ['a tarball', tarball('https://a.org/nixos-25.11.tar.gz'), '2030-01-01'],
    ['a tarball of a fork', tarball('https://github.com/a/nixpkgs/archive/nixos-25.11.tar.gz'), '2030-01-01'],
    ['a tarball of a commit', tarball(`${url}/archive/${revision}.tar.gz`), '2030-01-01'],
    ['a name over two lines', github('nixos-25.11-\n::error::no'), '2030-01-01'],
    ['a lock file', { type: 'lock', file: '/flake.lock', input: 'nixos-25.11' }, '2030-01-01'],
  ])('%s', (_, source, day) => {
    expect(endedChannel(source, on(day), undefined, pins)).toBe(undefined)
  })
})

test('the table of this action has the releases of NixOS, of which 25.11 ended in June 2026', () => {
  expect(endedChannel(channel('nixos-25.11'), on('2026-06-30'))).toBe(undefined)
  expect(endedChannel(channel('nixos-25.11'), on('2026-07-01'))).toContain('ended on 2026-06-30; write nixos-')
})
