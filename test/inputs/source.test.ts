import { describe, expect, test } from 'vitest'
import { parseSource, type Source } from '../../src/inputs/source.ts'

const read = (text: string): { source: Source; problems: string[] } => {
  const problems: string[] = []
  return { source: parseSource(text, '/work/space', (sentence) => problems.push(sentence)), problems }
}

const revision = '755f5aa91337890c432639c60b6064bb7fe67769'
const narHash = 'sha256-ypxFOeDz+CqADEQNL72haqGjvZQdBR5Vc7pyx2JDttI='

describe('packages come from', () => {
  test.each<[string, string, Source]>([
    ['a commit with its hash', `${revision}#${narHash}`, { type: 'nixpkgs', revision, narHash }],
    ['an absolute path', '/srv/nixpkgs', { type: 'path', path: '/srv/nixpkgs' }],
    ['a path from the workspace', './nix', { type: 'path', path: '/work/space/nix' }],
    ['a folder in a folder of it', './nix/set', { type: 'path', path: '/work/space/nix/set' }],
    ['the workspace', '.', { type: 'path', path: '/work/space' }],
    ['a path beside the workspace', '../other', { type: 'path', path: '/work/other' }],
    ['the folder above it', '..', { type: 'path', path: '/work' }],
  ])('%s', (_, text, source) => {
    expect(read(text)).toEqual({ source, problems: [] })
  })
})

describe('what is not supported yet is said to be so:', () => {
  test.each([
    ['nothing', ''],
    ['a channel', 'nixos-25.11'],
    ['a commit without its hash', revision],
    ['a hash that is too short', `${revision}#sha256-abc=`],
    ['a commit that is too short', `${revision.slice(1)}#${narHash}`],
    ['a hash of another kind', `${revision}#sha512-${'x'.repeat(43)}=`],
    ['a commit with more behind it', `${revision}#${narHash} `],
    ['a repository', 'github:NixOS/nixpkgs/master'],
    ['a git URL', 'git+https://example.org/set.git'],
    ['a tarball', 'https://example.org/set.tar.gz'],
    ['a lock file', 'flake.lock#nixpkgs'],
    ['a path that does not look like one', 'nix'],
    ['a hidden file', '.nix'],
  ])('%s', (_, text) => {
    expect(read(text).problems).toEqual([
      `\`nixpkgs\` is ${JSON.stringify(text)}, which is not supported yet; write a path, as in \`./nix\`, or a commit with its hash, as in \`<40 hex digits>#sha256-…\`.`,
    ])
  })
})
