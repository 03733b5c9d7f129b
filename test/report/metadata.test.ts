import { describe, expect, test } from 'vitest'
import { metadata } from '../../src/report/metadata.ts'
import type { Outcome } from '../../src/report/outcome.ts'
import { gitPackage, linksLayer, manyPaths, outcome, platformOutcome, storeLayer } from '../support/outcomes.ts'

const { diffID, holds: _, storePaths, ...layer } = storeLayer

const whole = (changes: Partial<Outcome> = {}): Record<string, unknown> => JSON.parse(metadata(outcome(changes)).text)

/** The output. Fails if it is too large. */
const output = (changes: Partial<Outcome> = {}): Record<string, unknown> => {
  const text = metadata(outcome(changes)).output
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(32_000)
  return JSON.parse(text)
}

describe.each([
  ['file', whole],
  ['output', output],
])('the metadata in the %s', (_, read) => {
  test('has the image, its source, its packages and its cost', () => {
    const { descriptor, source } = outcome()
    expect(read()).toMatchObject({
      image: 'ghcr.io/owner/name',
      digest: descriptor.digest,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      tags: ['v1', 'latest'],
      reused: 'none',
      source: { type: 'nixpkgs', url: source.url, revision: source.revision, narHash: source.narHash },
      packages: [{ attr: 'git', name: 'git', version: '2.51.0', outputs: [{ name: 'out' }] }],
      bytes: { closure: 40_000_000, layers: storeLayer.size + linksLayer.size, uploaded: 12_346_912 },
      requests: 9,
      timings: { source: 0.5, nix: 61.234 },
    })
    expect(read()).not.toHaveProperty('truncated')
  })

  test('has each platform with its image', () => {
    const { image } = platformOutcome()
    expect(read()['platforms']).toMatchObject([
      {
        platform: 'linux/amd64',
        digest: image.manifest.descriptor.digest,
        configDigest: image.config.descriptor.digest,
        layers: [{ digest: storeLayer.digest }, { digest: linksLayer.digest }],
      },
    ])
  })

  test('has the bytes of all platforms together', () => {
    const platforms = [platformOutcome(), platformOutcome({ platform: 'linux/arm64' })] as const
    const { bytes, platforms: named } = read({ platforms })
    expect(bytes).toMatchObject({ closure: 80_000_000, layers: 2 * (storeLayer.size + linksLayer.size) })
    expect(named).toMatchObject([{ platform: 'linux/amd64' }, { platform: 'linux/arm64' }])
  })
})

test('store paths and licences are in the file alone', () => {
  expect(whole()).toHaveProperty('platforms.0.layers.0', { ...layer, diffId: diffID, storePaths })
  const { homepage: _, ...known } = gitPackage
  expect(whole()).toHaveProperty('packages', [known])
  expect(output()).toHaveProperty('packages', [
    { attr: 'git', name: 'git', version: '2.51.0', outputs: [{ name: 'out' }] },
  ])
  expect(output()).toHaveProperty('platforms.0.layers.0', { ...layer, diffId: diffID })
  expect(metadata(outcome()).output).not.toContain('/nix/store/')
})

describe('what has no room in the output is a count', () => {
  const large = platformOutcome(manyPaths(2000, 3))
  const packages = Array.from({ length: 1000 }, (_, index) => ({ ...gitPackage, attr: `package-${index}` }))
  const tags = Array.from({ length: 1000 }, (_, index) => `${index}`.padStart(100, 'v'))

  test('the layers first', () => {
    const platforms = [large, { ...large, platform: 'linux/arm64' }] as const
    const { truncated, platforms: named, packages } = output({ platforms })
    expect([truncated, packages]).toMatchObject([true, [{ attr: 'git', name: 'git', version: '2.51.0' }]])
    expect(named).toMatchObject([
      { platform: 'linux/amd64', digest: large.image.manifest.descriptor.digest, layers: 127 },
      { platform: 'linux/arm64', layers: 127 },
    ])
    expect(whole({ platforms })).not.toHaveProperty('truncated')
  })

  test('then the packages, then the tags', () => {
    const platforms = [{ ...large, packages }] as const
    expect(output({ platforms })).toMatchObject({ truncated: true, packages: 1000, tags: ['v1', 'latest'] })
    expect(output({ platforms, tags })).toMatchObject({ truncated: true, packages: 1000, tags: 1000 })
    expect(whole({ platforms, tags })).toMatchObject({ packages: { length: 1000 }, tags })
  })

  test('and a URL is cut where it alone is too long', () => {
    const source = { ...outcome().source, url: `https://example.org/${'x'.repeat(40_000)}` }
    expect(output({ source })).toMatchObject({ truncated: true, source: { url: source.url.slice(0, 1000) } })
  })
})

test('the file has the name of the image, and another one for another content', () => {
  const names = [outcome(), outcome({ requests: 10 })].map((each) => metadata(each).fileName)
  expect(new Set(names).size).toBe(2)
  for (const name of names) expect(name).toMatch(/^name-[0-9a-f]{32}\.metadata\.json$/)
})
