import { describe, expect, test } from 'vitest'
import { isAffected, knownVulnerabilities, type Origin } from '../../src/nix/known-vulnerabilities.ts'

const onPath = { installed: undefined, system: 'x86_64-linux' }
const none = { version: '', url: '', sha256: '' }
const byUrl = { ...none, url: 'https://example.org/nix.tar.xz', sha256: 'a'.repeat(64) }
const installed = { installed: none, system: 'aarch64-linux', known: ['2.34.7', '2.35.2'] }
const better = { ...installed, known: ['2.34.7', '2.34.9', '2.35.2', '2.35.3'] }
const advisories = '(CVE-2026-110449, CVE-2026-110450)'

describe('a Nix on the PATH with known vulnerabilities is told of, with the versions to take:', () => {
  test.each([
    ['(Nix) 2.3.16', 'Nix 2.3.16', '2.28.8 and 2.35.3 have'],
    ['(Nix) 2.4', 'Nix 2.4', '2.28.8 and 2.35.3 have'],
    ['(Nix) 2.8.0', 'Nix 2.8.0', '2.28.8 and 2.35.3 have'],
    ['(Nix) 2.28.7', 'Nix 2.28.7', '2.28.8 and 2.35.3 have'],
    ['(Nix) 2.29.0', 'Nix 2.29.0', '2.30.6 and 2.35.3 have'],
    ['(Nix) 2.30.5', 'Nix 2.30.5', '2.30.6 and 2.35.3 have'],
    ['(Nix) 2.31.5', 'Nix 2.31.5', '2.31.6 and 2.35.3 have'],
    ['(Nix) 2.31.5+1', 'Nix 2.31.5+1', '2.31.6 and 2.35.3 have'],
    ['(Nix) 2.32.0', 'Nix 2.32.0', '2.34.9 and 2.35.3 have'],
    ['(Nix) 2.33.9', 'Nix 2.33.9', '2.34.9 and 2.35.3 have'],
    ['(Nix) 2.34.8', 'Nix 2.34.8', '2.34.9 and 2.35.3 have'],
    ['(Nix) 2.35.0', 'Nix 2.35.0', '2.35.3 has'],
    ['(Nix) 2.35.2', 'Nix 2.35.2', '2.35.3 has'],
    // Pre-releases come before the release of their number, or are older than the fixes.
    ['(Nix) 2.35.0pre20260601_abcdef0', 'Nix 2.35.0pre20260601_abcdef0', '2.35.3 has'],
    ['(Nix) 2.35.3pre20261001_abcdef0', 'Nix 2.35.3pre20261001_abcdef0', '2.35.3 has'],
    ['(Nix) 2.36.0pre20261012_abcdef0', 'Nix 2.36.0pre20261012_abcdef0', '2.35.3 has'],
    ['(Lix, like Nix) 2.94.0', 'Lix 2.94.0', '2.95.4 has'],
    ['(Lix, like Nix) 2.95.4-pre20261001-abcdef0', 'Lix 2.95.4-pre20261001-abcdef0', '2.95.4 has'],
    ['(Lix, like Nix) 2.96.0-dev-pre20260901-abcdef0', 'Lix 2.96.0-dev-pre20260901-abcdef0', '2.95.4 has'],
    ['(Determinate Nix 3.23.1) 2.35.2', 'Determinate Nix 3.23.1', '3.23.2 has'],
  ])('%s', (printed, shown, fixed) => {
    expect(knownVulnerabilities(`nix-store ${printed}\n`, onPath)).toBe(
      `${shown}, which is on the PATH, has known vulnerabilities ${advisories}; ${fixed} the fixes: update it where it is installed.`,
    )
  })
})

describe('nothing is said of', () => {
  test.each([
    'nix-store (Nix) 2.28.8',
    'nix-store (Nix) 2.30.6',
    'nix-store (Nix) 2.31.6',
    'nix-store (Nix) 2.34.9',
    'nix-store (Nix) 2.35.3',
    'nix-store (Nix) 2.36.0',
    'nix-store (Nix) 2.36.0pre20261014_abcdef0',
    'nix-store (Nix) 3.0',
    'nix-store (Lix, like Nix) 2.95.4',
    'nix-store (Determinate Nix 3.23.2) 2.35.3',
    'nix-store (Determinate Nix 3.24.0) 2.34.1',
    'nix-store (Another) 2.8.0',
    'nix-store (Nix) unknown',
    'nix-store',
    '',
  ])('%s', (printed) => {
    expect(knownVulnerabilities(`${printed}\n`, onPath)).toBe(undefined)
    expect(knownVulnerabilities(`${printed}\n`, installed)).toBe(undefined)
  })
})

describe('of a Nix that this run installs, the user is told how to give', () => {
  const ofNix = `Nix 2.34.7, which this run installs, has known vulnerabilities ${advisories}; `
  const ofLix = `Lix 2.94.0, which this run installs, has known vulnerabilities ${advisories}; `
  const url =
    '2.34.9 and 2.35.3 have the fixes: give one as `nix-url`, as in https://releases.nixos.org/nix/nix-2.34.9/nix-2.34.9-aarch64-linux.tar.xz, and its checksum, which is at that URL with `.sha256` behind it, as `nix-sha256`'
  const urlOfLix = '2.95.4 has the fixes: give one as `nix-url`, and its checksum, as `nix-sha256`.'
  test.each<[string, string, Origin, string]>([
    ['another release, where no known one is better', '(Nix) 2.34.7', installed, `${ofNix}${url}.`],
    [
      'another release, in place of the version',
      '(Nix) 2.34.7',
      { ...installed, installed: { ...none, version: '2.34.7' } },
      `${ofNix}${url} in place of \`nix-version\`.`,
    ],
    ['another URL', '(Nix) 2.34.7', { ...installed, installed: byUrl }, `${ofNix}${url}.`],
    ['a version, where its checksum is known', '(Nix) 2.34.7', better, `${ofNix}write \`nix-version: 2.35.3\`.`],
    [
      'a version, without the checksum of another',
      '(Nix) 2.34.7',
      { ...better, installed: { ...none, version: '2.34.7', sha256: 'a'.repeat(64) } },
      `${ofNix}write \`nix-version: 2.35.3\` in place of \`nix-sha256\`.`,
    ],
    [
      'a version, without the URL of another',
      '(Nix) 2.34.7',
      { ...better, installed: byUrl },
      `${ofNix}write \`nix-version: 2.35.3\` in place of \`nix-url\` and \`nix-sha256\`.`,
    ],
    [
      'another release of Lix, also where a known Nix is better',
      '(Lix, like Nix) 2.94.0',
      { ...better, installed: byUrl },
      `${ofLix}${urlOfLix}`,
    ],
    [
      'another release of Determinate Nix',
      '(Determinate Nix 3.23.1) 2.35.2',
      { ...better, installed: byUrl },
      `Determinate Nix 3.23.1, which this run installs, has known vulnerabilities ${advisories}; 3.23.2 has the fixes: give one as \`nix-url\`, and its checksum, as \`nix-sha256\`.`,
    ],
  ])('%s', (_, printed, origin, sentence) => {
    expect(knownVulnerabilities(`nix-store ${printed}\n`, origin)).toBe(sentence)
  })
})

test('releases are compared by their numbers', () => {
  expect(['2.9.0', '2.34.8', '2.34.9', '2.34.10', '2.100.0'].map(isAffected)).toEqual([true, true, false, false, false])
})
