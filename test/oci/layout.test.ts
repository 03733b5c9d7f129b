import { expect, test } from 'vitest'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { layoutFile, layoutIndex } from '../../src/oci/layout.ts'

const manifest: Descriptor = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${'ab'.repeat(32)}`,
  size: 1234,
}

test('a layout says its version', () => {
  expect(layoutFile).toBe('{"imageLayoutVersion":"1.0.0"}')
})

test('each tag is an entry of the index for the same manifest', () => {
  const index: unknown = JSON.parse(layoutIndex(manifest, ['v1', 'latest']))
  expect(index).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'v1' } },
      { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'latest' } },
    ],
  })
})
