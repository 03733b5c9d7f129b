import { expect, test } from 'vitest'
import { isPublicSource } from '../../src/nix/is-public-source.ts'
import type { FetchedSource } from '../../src/nix/source.ts'
import { narHashOf } from '../support/closures.ts'

const isPublic = (srcType: FetchedSource['srcType'], url: string): boolean =>
  isPublicSource({
    type: 'tarball',
    url,
    revision: undefined,
    narHash: narHashOf('source'),
    description: '',
    srcType,
    srcArgs: { url },
  })

test.each([
  'https://github.com/NixOS/nixpkgs/archive/0123456789abcdef0123456789abcdef01234567.tar.gz',
  'https://channels.nixos.org/nixos-25.11/nixexprs.tar.xz',
  'https://releases.nixos.org/nixos/25.11/nixos-25.11.1.abc/nixexprs.tar.xz',
])('%s is public', (url) => {
  expect(isPublic('nixpkgs', url)).toBe(true)
  expect(isPublic('tarball', url)).toBe(true)
  // A git client or a folder may give private content.
  expect(isPublic('git', url)).toBe(false)
  expect(isPublic('path', url)).toBe(false)
})

test.each([
  '',
  'nixpkgs',
  'https://example.org/nixpkgs.tar.gz',
  'https://github.com/NixOS/nixpkgs-private/archive/main.tar.gz',
  'https://github.com/nixos/nixpkgs/archive/main.tar.gz',
  'https://github.com/NixOS/nixpkgs/archive/main.tar.gz?token=secret',
  'https://github.com/NixOS/nixpkgs/../../owner/private/archive/main.tar.gz',
  'https://github.com/NixOS/nixpkgs/%2e%2e/%2e%2e/owner/private/archive/main.tar.gz',
  'https://github.com/NixOS/nixpkgs\\..\\..\\owner/private/archive/main.tar.gz',
  'https://user:secret@github.com/NixOS/nixpkgs/archive/main.tar.gz',
  'https://github.com.example.org/NixOS/nixpkgs/archive/main.tar.gz',
  'http://github.com/NixOS/nixpkgs/archive/main.tar.gz',
  'http://127.0.0.1:8080/nixpkgs.tar.gz',
])('nobody knows whether %j is', (url) => expect(isPublic('tarball', url)).toBe(false))
