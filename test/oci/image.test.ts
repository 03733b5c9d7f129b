import { describe, expect, test } from 'vitest'
import type { Document } from '../../src/oci/descriptor.ts'
import { type Image, type ImageConfiguration, type ImageLayer, image } from '../../src/oci/image.ts'

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
const settings: ImageConfiguration = {
  architecture: 'arm64',
  created: '1970-01-01T00:00:01Z',
  env: { PATH: '/bin' },
  cmd: ['/bin/bash'],
}

/** The same with everything that an image can have, in no order. */
const whole: ImageConfiguration = {
  ...settings,
  user: '1000:100',
  exposedPorts: ['8080/tcp', '53/udp'],
  env: { PATH: '/bin', LANG: 'C.UTF-8' },
  entrypoint: ['/bin/sh', '-c'],
  cmd: ['exec sleep 1'],
  volumes: ['/var/lib/x', '/data'],
  workdir: '/app',
  labels: { b: '2', a: '1' },
  annotations: { d: '4', c: '3' },
}

const json = ({ bytes }: Document): unknown => JSON.parse(Buffer.from(bytes).toString('utf8'))
const fixed: Image = image(layers, settings)

describe('an image', () => {
  test('has the same digests everywhere and in every version', () => {
    const digests = [fixed, image(layers, whole)].map(({ config, manifest }) =>
      [config, manifest].map(({ descriptor }) => descriptor.digest),
    )
    expect(digests).toMatchInlineSnapshot(`
      [
        [
          "sha256:ac5180239f26875bc6bd3dd9c4387f414c3442929d71207350ce222c0fe99e5b",
          "sha256:2de684f2d41e1053eb9cfb640d8940f965525dadac2073223d9740f7de62a2dc",
        ],
        [
          "sha256:8a4859ca1258f6be207e9636b1e9b2ec1f291d59cfe3d6baab0990f6de32eb6d",
          "sha256:7b828bd849cb8c727b38de8d23fdda6ad0bb01ac1114a3cfa9adf226a47b6efd",
        ],
      ]
    `)
  })

  test('has the signal and the health check under the names of OCI and Docker', () => {
    const test = ['CMD-SHELL', 'test -e /ready']
    const times = { interval: 30_000_000_000, timeout: 2_000_000, startPeriod: 1_000_000, startInterval: 3_000_000 }
    const configOf = (more: Partial<ImageConfiguration>): unknown =>
      (json(image(layers, { ...settings, ...more }).config) as { config: unknown }).config
    expect(configOf({ stopSignal: 'SIGRTMIN+3', healthcheck: { test, ...times, retries: 5 } })).toEqual({
      ...(configOf({}) as object),
      StopSignal: 'SIGRTMIN+3',
      Healthcheck: {
        Test: test,
        Interval: 30_000_000_000,
        Timeout: 2_000_000,
        StartPeriod: 1_000_000,
        StartInterval: 3_000_000,
        Retries: 5,
      },
    })
    expect(configOf({ healthcheck: { test } })).toMatchObject({ Healthcheck: { Test: test } })
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

  test('can say all that the specification has, in one order', () => {
    const { config, manifest } = image(layers, whole)
    expect(JSON.stringify((json(config) as { config: unknown }).config, undefined, 1)).toMatchInlineSnapshot(`
      "{
       "User": "1000:100",
       "ExposedPorts": {
        "53/udp": {},
        "8080/tcp": {}
       },
       "Env": [
        "LANG=C.UTF-8",
        "PATH=/bin"
       ],
       "Entrypoint": [
        "/bin/sh",
        "-c"
       ],
       "Cmd": [
        "exec sleep 1"
       ],
       "Volumes": {
        "/data": {},
        "/var/lib/x": {}
       },
       "WorkingDir": "/app",
       "Labels": {
        "a": "1",
        "b": "2"
       }
      }"
    `)
    expect(json(manifest)).toMatchObject({ annotations: { c: '3', d: '4' } })
  })

  test.each<[string, Partial<ImageConfiguration>]>([
    ['ports', { exposedPorts: ['53/udp', '8080/tcp'] }],
    ['variables', { env: { LANG: 'C.UTF-8', PATH: '/bin' } }],
    ['volumes', { volumes: ['/data', '/var/lib/x'] }],
    ['labels', { labels: { a: '1', b: '2' } }],
    ['annotations', { annotations: { c: '3', d: '4' } }],
  ])('is the same whatever the order of its %s', (_, sorted) => {
    const [one, other] = [image(layers, whole), image(layers, { ...whole, ...sorted })]
    expect(other.manifest.descriptor.digest).toBe(one.manifest.descriptor.digest)
  })

  test('has nothing of what is not given, and no empty list', () => {
    const { config, manifest } = image(layers, {
      architecture: 'amd64',
      created: settings.created,
      labels: {},
      volumes: [],
    })
    expect(json(config)).toHaveProperty('config', { Env: [] })
    expect(json(manifest)).not.toHaveProperty('annotations')
  })

  test.each<[string, Image]>([
    ['other layers', image(layers.toReversed(), settings)],
    ['another architecture', image(layers, { ...settings, architecture: 'amd64' })],
    ['another environment', image(layers, { ...settings, env: {} })],
    ['another command', image(layers, { ...settings, cmd: ['/bin/sh'] })],
    ['another time', image(layers, { ...settings, created: '1970-01-01T00:00:02Z' })],
    ...Object.entries(whole).flatMap(([name, value]): [string, Image][] =>
      name in settings || name === 'annotations'
        ? []
        : [[`another ${name}`, image(layers, { ...settings, [name]: value })]],
    ),
  ])('with %s is another image', (_, other) => {
    expect(other.config.descriptor.digest).not.toBe(fixed.config.descriptor.digest)
    expect(other.manifest.descriptor.digest).not.toBe(fixed.manifest.descriptor.digest)
  })
})
