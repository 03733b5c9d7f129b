import { expect, test } from 'vitest'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { layoutFiles } from '../../src/oci/layout.ts'

const manifest: Descriptor = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${'ab'.repeat(32)}`,
  size: 1234,
}

test('a layout says its version', () => {
  expect(layoutFiles(manifest, ['v1'])['oci-layout']).toBe('{"imageLayoutVersion":"1.0.0"}')
})

test('each tag is an entry of the index for the same manifest', () => {
  const index: unknown = JSON.parse(layoutFiles(manifest, ['v1', 'latest'])['index.json'])
  expect(index).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'v1' } },
      { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'latest' } },
    ],
  })
})
