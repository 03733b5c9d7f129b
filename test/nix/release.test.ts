import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseSource } from '../../src/inputs/source.ts'
import pins from '../../src/nix/pins.json' with { type: 'json' }
import { defaultVersion, knownVersions, nixRelease, oneOfVersions } from '../../src/nix/release.ts'
import { root } from '../support/action.ts'

const base = 'https://releases.example.org'
const none = { version: '', url: '', sha256: '' }
const sha256 = 'a'.repeat(64)

describe('the release to install is', () => {
  test.each(['x86_64-linux', 'aarch64-linux'] as const)('the default one for %s, with its checksum', (system) => {
    const checksums: Readonly<Record<string, Readonly<Record<string, string>>>> = pins.nix.releases
    expect(nixRelease(none, system, base)).toEqual({
      url: `${base}/nix/nix-${defaultVersion}/nix-${defaultVersion}-${system}.tar.xz`,
      sha256: checksums[defaultVersion]?.[system],
      system,
    })
  })

  test('another version, with the checksum that is given', () => {
    expect(nixRelease({ ...none, version: '2.3', sha256 }, 'x86_64-linux', base)).toEqual({
      url: `${base}/nix/nix-2.3/nix-2.3-x86_64-linux.tar.xz`,
      sha256,
      system: 'x86_64-linux',
    })
  })

  test('the one at the URL that is given', () => {
    const url = 'https://example.org/nix.tar.xz'
    expect(nixRelease({ ...none, url, sha256 }, 'x86_64-linux', base)).toEqual({ url, sha256, system: 'x86_64-linux' })
  })

  test('none without a checksum', () => {
    expect(() => nixRelease({ ...none, version: '2.3' }, 'x86_64-linux', base)).toThrow(
      `\`nix-version\` is 2.3, whose checksum for x86_64-linux is not known; write ${oneOfVersions()}, or give \`nix-sha256\`.`,
    )
  })
})

describe('the pins', () => {
  test('are what action.yml has', () => {
    const { inputs } = parse(readFileSync(join(root, 'action.yml'), 'utf8'))
    const { channel, revision, narHash } = pins.nixpkgs
    expect(inputs.nixpkgs.default).toBe(`${revision}#${narHash}`)
    expect(inputs.nixpkgs.description).toContain(`By default a commit of ${channel}.`)
    expect(inputs['nix-version'].description).toContain(`is known: ${oneOfVersions(' (the default)')}.`)
    const problems: string[] = []
    const source = parseSource(inputs.nixpkgs.default, '/', (problem) => problems.push(problem))
    expect({ source, problems }).toEqual({ source: { type: 'nixpkgs', revision, narHash }, problems: [] })
  })

  test('have a checksum of each release for each system, and the default among them', () => {
    expect(knownVersions).toContain(defaultVersion)
    for (const checksums of Object.values(pins.nix.releases)) {
      expect(Object.keys(checksums)).toEqual(['x86_64-linux', 'aarch64-linux'])
      for (const checksum of Object.values(checksums)) expect(checksum).toMatch(/^[0-9a-f]{64}$/)
    }
  })

  test('have the last day of each release of NixOS in order, that of the default one among them', () => {
    const releases = Object.keys(pins.channelEnds)
    expect(releases).toEqual(releases.toSorted())
    expect(releases.map((release) => `nixos-${release}`)).toContain(pins.nixpkgs.channel)
    for (const end of Object.values(pins.channelEnds)) expect(new Date(end).toISOString()).toBe(`${end}T00:00:00.000Z`)
  })
})
