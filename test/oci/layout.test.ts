import { expect, test } from 'vitest'
import { image } from '../../src/oci/image.ts'
import { imageIndex } from '../../src/oci/image-index.ts'
import { blobPath, layoutFile, layoutFiles } from '../../src/oci/layout.ts'

const layer = (digit: string) =>
  ({
    descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${digit.repeat(64)}`, size: 1 },
    diffID: `sha256:${digit.repeat(64)}`,
    holds: '',
  }) as const

const created = '1970-01-01T00:00:01Z'
const amd64 = image([layer('b'), layer('a')], { architecture: 'amd64', created })
const arm64 = image([layer('c')], { architecture: 'arm64', created })
const names = { repository: { registry: 'ghcr.io', name: 'owner/tools' }, tags: ['v1', 'latest'] }
const one = { images: [amd64], top: amd64.manifest, forDocker: amd64, names }

const file = (content: typeof one, name: string): unknown =>
  JSON.parse(Buffer.from(new Map(layoutFiles(content)).get(name) ?? []).toString())

test('a layout says its version', () => {
  expect(layoutFile).toBe('{"imageLayoutVersion":"1.0.0"}')
})

test('each tag is an entry of the index for the same manifest, with its whole name for containerd', () => {
  expect(file(one, 'index.json')).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: ['v1', 'latest'].map((tag) => ({
      ...amd64.manifest.descriptor,
      annotations: {
        'io.containerd.image.name': `ghcr.io/owner/tools:${tag}`,
        'org.opencontainers.image.ref.name': tag,
      },
    })),
  })
})

test('Docker is told all names and the layers in their order', () => {
  expect(file(one, 'manifest.json')).toEqual([
    {
      Config: blobPath(amd64.config.descriptor.digest),
      RepoTags: ['ghcr.io/owner/tools:v1', 'ghcr.io/owner/tools:latest'],
      Layers: [`blobs/sha256/${'b'.repeat(64)}`, `blobs/sha256/${'a'.repeat(64)}`],
    },
  ])
})

test.each([
  ['docker.io', 'tools', 'docker.io/library/tools:v1'],
  ['docker.io', 'owner/tools', 'docker.io/owner/tools:v1'],
  ['localhost:5000', 'tools', 'localhost:5000/tools:v1'],
])('the name of %s/%s is the one under which it is stored', (registry, name, whole) => {
  const content = { ...one, names: { repository: { registry, name }, tags: ['v1'] } }
  expect(file(content, 'manifest.json')).toMatchObject([{ RepoTags: [whole] }])
  expect(file(content, 'index.json')).toMatchObject({
    manifests: [{ annotations: { 'io.containerd.image.name': whole } }],
  })
})

test('of several platforms, the tags name the index, and Docker loads the given one', () => {
  const images = [
    { platform: 'linux/amd64', manifest: amd64.manifest.descriptor },
    { platform: 'linux/arm64', manifest: arm64.manifest.descriptor },
  ] as const
  const content = { ...one, images: [amd64, arm64], top: imageIndex(images, {}), forDocker: arm64 }
  expect(file(content, 'index.json')).toMatchObject({ manifests: [content.top.descriptor, content.top.descriptor] })
  expect(file(content, 'manifest.json')).toMatchObject([{ Config: blobPath(arm64.config.descriptor.digest) }])
})

test('nothing names what is written later', () => {
  const names = layoutFiles(one).map(([name]) => name)
  expect(names).toEqual([
    blobPath(amd64.config.descriptor.digest),
    blobPath(amd64.manifest.descriptor.digest),
    'manifest.json',
    'index.json',
  ])
})
