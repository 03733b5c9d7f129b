import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { outputs } from '../../src/report/outputs.ts'
import { gitPackage, linksLayer, outcome, platformOutcome, storeLayer } from '../support/outcomes.ts'

const metadataOf = (...changes: Parameters<typeof outcome>): Record<string, unknown> =>
  JSON.parse(outputs(outcome(...changes), undefined)['metadata'] ?? '')

test('the outputs are those of action.yml', () => {
  const action = parse(readFileSync(join(import.meta.dirname, '..', '..', 'action.yml'), 'utf8'))
  expect(Object.keys(outputs(outcome(), undefined)).toSorted()).toEqual(Object.keys(action.outputs).toSorted())
})

test('the outputs say where the image is and how to get exactly this one', () => {
  const { image, descriptor } = { ...platformOutcome(), ...outcome() }
  expect(outputs(outcome(), undefined)).toMatchObject({
    digest: descriptor.digest,
    image: 'ghcr.io/owner/name',
    ref: `ghcr.io/owner/name@${descriptor.digest}`,
    tags: 'v1\nlatest',
    'config-digest': image.config.descriptor.digest,
    reused: 'none',
  })
})

test('what there is not is empty', () => {
  expect(outputs(outcome(), undefined)).toMatchObject({ output: '', sbom: '' })
  expect(outputs(outcome({ output: '/work/image' }), '/temp/x.cdx.json')).toMatchObject({
    output: '/work/image',
    sbom: '/temp/x.cdx.json',
  })
})

describe('the metadata', () => {
  test('has the image, its source, its packages and its cost', () => {
    const { descriptor, source } = outcome()
    expect(metadataOf()).toMatchObject({
      image: 'ghcr.io/owner/name',
      digest: descriptor.digest,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      tags: ['v1', 'latest'],
      reused: 'none',
      source: { type: 'nixpkgs', revision: source.revision, narHash: source.narHash },
      packages: [{ attr: 'git', name: 'git', version: '2.51.0', outPath: gitPackage.outPath }],
      bytes: { closure: 40_000_000, layers: storeLayer.size + linksLayer.size, uploaded: 12_346_912 },
      requests: 9,
      timings: { source: 0.5, nix: 61.234 },
    })
  })

  test('has each platform with its image', () => {
    const { image } = platformOutcome()
    expect(metadataOf()['platforms']).toMatchObject([
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
    const { bytes, platforms: named } = metadataOf({ platforms })
    expect(bytes).toMatchObject({ closure: 80_000_000, layers: 2 * (storeLayer.size + linksLayer.size) })
    expect(named).toMatchObject([{ platform: 'linux/amd64' }, { platform: 'linux/arm64' }])
  })

  test('has the fields of each layer that the contract names and no others', () => {
    const { diffID, holds: _, ...layer } = storeLayer
    expect(metadataOf()).toHaveProperty('platforms.0.layers.0', { ...layer, diffId: diffID })
  })
})
