import { describe, expect, test } from 'vitest'
import type { Document } from '../../src/oci/descriptor.ts'
import { type Image, type ImageLayer, type ImageSettings, image } from '../../src/oci/image.ts'

const layer = (digit: string, holds: string): ImageLayer => ({
  descriptor: {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: `sha256:${digit.repeat(64)}`,
    size: Number(digit) * 1000,
    annotations: { 'example.key': `key ${digit}` },
  },
  diffID: `sha256:${`${digit}f`.repeat(32)}`,
  holds,
})

const layers = [layer('1', 'glibc'), layer('2', 'links to the packages')]
const settings: ImageSettings = {
  architecture: 'arm64',
  created: '1970-01-01T00:00:01Z',
  env: { PATH: '/bin' },
  cmd: ['/bin/bash'],
}

const json = ({ bytes }: Document): unknown => JSON.parse(Buffer.from(bytes).toString('utf8'))
const fixed: Image = image(layers, settings)

describe('an image', () => {
  test('has the same digests everywhere and in every version', () => {
    expect([fixed.config.descriptor.digest, fixed.manifest.descriptor.digest]).toMatchInlineSnapshot(`
      [
        "sha256:ac5180239f26875bc6bd3dd9c4387f414c3442929d71207350ce222c0fe99e5b",
        "sha256:2de684f2d41e1053eb9cfb640d8940f965525dadac2073223d9740f7de62a2dc",
      ]
    `)
  })

  test('has a manifest with its configuration and its layers in their order', () => {
    expect(json(fixed.manifest)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: fixed.config.descriptor.digest,
        size: fixed.config.bytes.length,
      },
      layers: layers.map(({ descriptor }) => descriptor),
    })
    expect(fixed.manifest.descriptor.mediaType).toBe('application/vnd.oci.image.manifest.v1+json')
    expect(fixed.layers).toEqual(layers)
  })

  test('has a configuration with what a container is started with, and the digests of its layers unpacked', () => {
    expect(json(fixed.config)).toMatchObject({
      created: '1970-01-01T00:00:01Z',
      architecture: 'arm64',
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/bash'] },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
    })
  })

  test('tells in its history what each layer holds', () => {
    expect(json(fixed.config)).toMatchObject({
      history: [
        { created: '1970-01-01T00:00:01Z', created_by: 'nix-image-action', comment: 'glibc' },
        { created: '1970-01-01T00:00:01Z', created_by: 'nix-image-action', comment: 'links to the packages' },
      ],
    })
  })

  test('without a command has none, not an empty one', () => {
    expect(json(image(layers, { ...settings, cmd: undefined }).config)).toMatchObject({
      config: { Env: ['PATH=/bin'] },
    })
    expect(json(image(layers, { ...settings, cmd: undefined }).config)).not.toHaveProperty('config.Cmd')
  })

  test.each<[string, Image]>([
    ['other layers', image(layers.toReversed(), settings)],
    ['another architecture', image(layers, { ...settings, architecture: 'amd64' })],
    ['another environment', image(layers, { ...settings, env: {} })],
    ['another command', image(layers, { ...settings, cmd: ['/bin/sh'] })],
    ['another time', image(layers, { ...settings, created: '1970-01-01T00:00:02Z' })],
  ])('with %s is another image', (_, other) => {
    expect(other.config.descriptor.digest).not.toBe(fixed.config.descriptor.digest)
    expect(other.manifest.descriptor.digest).not.toBe(fixed.manifest.descriptor.digest)
  })
})
