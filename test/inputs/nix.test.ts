import { describe, expect, test } from 'vitest'
import { parseRelease } from '../../src/inputs/nix.ts'
import { defaultVersion } from '../../src/nix/release.ts'

const sha256 = '0123456789abcdef'.repeat(4)
const url = 'https://example.org/nix-2.34.7-x86_64-linux.tar.xz'

const read = (inputs: Record<string, string>) => {
  const problems: string[] = []
  const release = parseRelease(
    (name) => inputs[name] ?? '',
    (sentence) => problems.push(sentence),
  )
  return { release, problems }
}

test.each([
  [{}, { version: '', url: '', sha256: '' }],
  [{ 'nix-version': '2.34.7' }, { version: '2.34.7', url: '', sha256: '' }],
  [{ 'nix-version': '2.34' }, { version: '2.34', url: '', sha256: '' }],
  [
    { 'nix-version': '2.34.7', 'nix-sha256': sha256 },
    { version: '2.34.7', url: '', sha256 },
  ],
  [
    { 'nix-url': url, 'nix-sha256': sha256.toUpperCase() },
    { version: '', url, sha256 },
  ],
  [
    { 'nix-url': 'http://127.0.0.1:8080/nix.tar.xz', 'nix-sha256': sha256 },
    { version: '', url: 'http://127.0.0.1:8080/nix.tar.xz', sha256 },
  ],
])('%j says which Nix', (inputs, release) => {
  expect(read(inputs)).toEqual({ release, problems: [] })
})

describe('the user is told what is wrong with', () => {
  test.each(['latest', '2', 'v2.34.7', '2.34.7.1', '2.34pre'])('the version %s', (version) => {
    expect(read({ 'nix-version': version }).problems).toEqual([
      `\`nix-version\` is "${version}"; write a release of Nix, as in \`${defaultVersion}\`.`,
    ])
  })

  test.each([sha256.slice(1), `sha256-${sha256}`, 'x'.repeat(64)])('the hash %s', (hash) => {
    expect(read({ 'nix-sha256': hash }).problems).toEqual([
      `\`nix-sha256\` is "${hash}"; write the SHA-256 of the tarball in 64 hex digits.`,
    ])
  })

  test.each(['nix.tar.xz', 'http://example.org/nix.tar.xz', 'ftp://example.org/nix.tar.xz'])('the URL %s', (wrong) => {
    expect(read({ 'nix-url': wrong, 'nix-sha256': sha256 }).problems).toEqual([
      `\`nix-url\` is "${wrong}"; write an https URL of a release tarball, without a user or password.`,
    ])
  })

  test('a URL without its hash', () => {
    expect(read({ 'nix-url': url }).problems).toEqual([
      '`nix-url` is given, but not `nix-sha256`; give the SHA-256 of that tarball.',
    ])
  })

  test('a version and a URL at once', () => {
    expect(read({ 'nix-version': '2.34.7', 'nix-url': url, 'nix-sha256': sha256 }).problems).toEqual([
      '`nix-version` and `nix-url` are both given; leave one of them out.',
    ])
  })
})

describe('credentials in a URL', () => {
  const inputs = { 'nix-url': 'https://me:ghp_secret@example.org/nix.tar.xz', 'nix-sha256': sha256 }

  test('are refused', () => {
    expect(read(inputs).problems).toEqual([
      expect.stringMatching(/^`nix-url` is .*; write an https URL of a release tarball, without a user or password\.$/),
    ])
  })

  test('are not repeated in the log', () => {
    expect(read(inputs).problems.join()).not.toContain('ghp_secret')
  })
})
