import { describe, expect, test } from 'vitest'
import { assemble } from '../../src/image/assemble.ts'
import type { DefaultConfiguration } from '../../src/image/contents.ts'
import type { ImagePlan } from '../../src/plan.ts'
import { imageDefaults } from '../../src/rootfs/image-defaults.ts'
import { storeLayer } from '../support/outcomes.ts'
import { configuration } from '../support/plans.ts'

const plain: ImagePlan['configuration'] = { ...configuration, created: '1970-01-01T00:00:01Z' }

const defaults: DefaultConfiguration = { env: { PATH: '/bin', LANG: 'C' }, cmd: ['/bin/bash'] }

type Config = Readonly<Record<string, unknown>>

/** The part of the image's configuration that says how containers start. */
const configOf = (configuration: Partial<ImagePlan['configuration']> = {}, of = defaults): Config => {
  const { mediaType, digest, size } = storeLayer
  const { config } = assemble(
    { layers: [{ ...storeLayer, descriptor: { mediaType, digest, size } }], defaults: of },
    { ...plain, ...configuration },
    'linux/amd64',
  )
  return (JSON.parse(Buffer.from(config.bytes).toString()) as { config: Config }).config
}

test('without any input, an image is started as its content asks for', () => {
  expect(configOf()).toEqual({ Env: ['LANG=C', 'PATH=/bin'], Cmd: ['/bin/bash'] })
})

test('a variable of the inputs wins over one of the same name', () => {
  expect(configOf({ env: { PATH: '/opt/bin:/bin', A: '1' } })).toMatchObject({
    Env: ['A=1', 'LANG=C', 'PATH=/opt/bin:/bin'],
  })
})

test.each<[string, Partial<ImagePlan['configuration']>, Config]>([
  ['a command is instead of the default one', { cmd: ['git'] }, { Cmd: ['git'] }],
  ['a program has no arguments but its own', { entrypoint: ['git'] }, { Entrypoint: ['git'] }],
  ['a program with arguments', { entrypoint: ['git'], cmd: ['log'] }, { Entrypoint: ['git'], Cmd: ['log'] }],
  ['an empty command is none', { cmd: [] }, {}],
  ['no program and an empty command', { entrypoint: [], cmd: [] }, {}],
])('%s', (_, configuration, expected) => {
  const { Env: _env, ...config } = configOf(configuration)
  expect(config).toEqual(expected)
})

test.each<[ImagePlan['configuration']['user'], string]>([
  [{ name: 'nobody' }, 'nobody'],
  [{ uid: 1000, gid: undefined }, '1000'],
  [{ uid: 1000, gid: 0 }, '1000:0'],
])('the user %j is %j', (user, written) => {
  expect(configOf({ user })).toHaveProperty('User', written)
})

describe('by default', () => {
  const linksTo = (...names: string[]) => new Map(names.map((name) => [name, `/nix/store/${name}`]))
  const certificates = 'etc/ssl/certs/ca-bundle.crt'
  const env = { NIX_LD: '/loader', NIX_LD_LIBRARY_PATH: '/libraries' }

  test('an image with bash starts it, and others nothing', () => {
    expect(imageDefaults(linksTo('bin/bash'), undefined).cmd).toEqual(['/bin/bash'])
    expect(imageDefaults(linksTo('bin/git'), undefined).cmd).toBeUndefined()
  })

  test('an image with certificates says where they are', () => {
    expect(imageDefaults(linksTo(certificates), undefined).env).toEqual({
      PATH: '/bin:/sbin:/usr/bin',
      SSL_CERT_FILE: `/${certificates}`,
    })
    expect(imageDefaults(linksTo(), undefined).env).toEqual({ PATH: '/bin:/sbin:/usr/bin' })
  })

  test('an image with time zones says where they are, unless an input does', () => {
    const { env } = imageDefaults(linksTo('share/zoneinfo'), undefined)
    expect(env).toEqual({ PATH: '/bin:/sbin:/usr/bin', TZDIR: '/share/zoneinfo' })
    expect(configOf({ env: { TZDIR: '/zones' } }, { env, cmd: undefined })).toEqual({
      Env: ['PATH=/bin:/sbin:/usr/bin', 'TZDIR=/zones'],
    })
  })

  test('an image with a loader says what it needs, and sets no LD_LIBRARY_PATH for all programs', () => {
    expect(imageDefaults(linksTo(certificates), { links: {}, env }).env).toEqual({
      PATH: '/bin:/sbin:/usr/bin',
      SSL_CERT_FILE: `/${certificates}`,
      GIT_SSL_CAINFO: `/${certificates}`,
      NIX_SSL_CERT_FILE: `/${certificates}`,
      ...env,
    })
  })
})
