import { expect, test } from 'vitest'
import { architectureOf, isPlatform, nixSystem, platformOfRunner, platforms } from '../../src/oci/platform.ts'

test.each([
  ['linux/amd64', 'amd64', 'x86_64-linux', 'X64'],
  ['linux/arm64', 'arm64', 'aarch64-linux', 'ARM64'],
] as const)('%s is %s to OCI, %s to Nix and %s to a runner', (platform, architecture, system, runner) => {
  expect(architectureOf(platform)).toBe(architecture)
  expect(nixSystem(platform)).toBe(system)
  expect(platformOfRunner('Linux', runner)).toBe(platform)
})

test.each([
  ['Windows', 'X64'],
  ['macOS', 'ARM64'],
  ['Linux', 'X86'],
  ['Linux', 'ARM'],
  ['linux', 'X64'],
  [undefined, 'X64'],
  ['Linux', undefined],
])('images cannot be built on %s %s', (os, architecture) => {
  expect(platformOfRunner(os, architecture)).toBeUndefined()
})

test('these platforms are known and no others', () => {
  expect(platforms).toEqual(['linux/amd64', 'linux/arm64'])
  for (const platform of platforms) expect(isPlatform(platform)).toBe(true)
  for (const text of ['', 'linux', 'amd64', 'linux/arm', 'windows/amd64', 'linux/amd64 '])
    expect(isPlatform(text)).toBe(false)
})
