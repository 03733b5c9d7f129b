import { describe, expect, test } from 'vitest'
import type { Context } from '../../src/inputs/context.ts'
import type { Inputs } from '../../src/inputs/read-inputs.ts'
import type { NarHash } from '../../src/nix/nar-hash.ts'
import type { ImagePlan, Plan } from '../../src/plan.ts'
import { requestKey, requestParts } from '../../src/reuse/request-key.ts'
import { inputs, planOf } from '../support/plans.ts'

const { configuration } = inputs

const revision = '755f5aa91337890c432639c60b6064bb7fe67769'
const ownNix: NarHash = 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='

const keyOf = (changes: Partial<Inputs> = {}, changedContext: Partial<Context> = {}): string =>
  requestKey(requestParts(planOf(changes, changedContext), 'linux/amd64', revision, ownNix))

describe('the request key', () => {
  test.each<[string, Partial<Inputs>]>([
    ['the packages', { packages: ['git'] }],
    ['their order, by which conflicts are decided', { packages: ['jq', 'git'] }],
    ['the configuration of nixpkgs', { nixpkgsConfig: { allowUnfree: false } }],
    ['the user', { configuration: { ...configuration, user: { name: 'nobody' } } }],
    ['the volumes', { configuration: { ...configuration, volumes: ['/data'] } }],
    ['the working directory', { configuration: { ...configuration, workdir: '/work' } }],
    ['the configuration of Nix', { nix: { ...inputs.nix, config: 'sandbox = true' } }],
    ['the sandbox', { nix: { ...inputs.nix, sandbox: 'require' } }],
    ['the preset', { preset: 'bare' }],
    ['the layering', { layering: 'popularity' }],
    ['the number of layers', { maxLayers: 65 }],
    ['the compression', { compression: { algorithm: 'zstd', level: 3 } }],
    ['its level', { compression: { algorithm: 'gzip', level: 5 } }],
  ])('is another one for another value of %s', (_, changes) => {
    expect(keyOf(changes)).not.toBe(keyOf())
  })

  test.each<[string, Partial<Inputs>, Partial<Context>]>([
    ['the tags', { tags: ['v2'] }, {}],
    ['the repository', { repository: { registry: 'ghcr.io', name: 'other/name' } }, {}],
    ['the other platforms', { platforms: ['linux/amd64', 'linux/arm64'] }, {}],
    ['the labels', { configuration: { ...configuration, labels: { a: 'b' } } }, {}],
    ['the signal that stops it', { configuration: { ...configuration, stopSignal: 'SIGQUIT' } }, {}],
    ['its health check', { configuration: { ...configuration, healthcheck: { test: ['CMD', 'true'] } } }, {}],
    ['the command', { configuration: { ...configuration, cmd: ['git'] } }, {}],
    ['the place of the action', {}, { nixDirectory: '/elsewhere/nix' }],
    ['the machine that builds', {}, { platform: 'linux/arm64' }],
    ['whether the image is pushed', { push: 'false' }, {}],
    [
      'the token in the configuration of Nix',
      { nix: { ...inputs.nix, config: '\n  access-tokens = github.com=ghs_secret\nnetrc-file = /home/me/.netrc\n' } },
      {},
    ],
    ['which Nix is installed', { nix: { ...inputs.nix, install: 'always' } }, {}],
  ])('is the same for another value of %s', (_, changes, changedContext) => {
    expect(keyOf(changes, changedContext)).toBe(keyOf())
  })

  test('does not depend on the order of names in a configuration, but on that of lists', () => {
    const first = keyOf({ nixpkgsConfig: { a: { x: 1, y: 2 }, b: ['x', 'y'] } })
    expect(keyOf({ nixpkgsConfig: { b: ['x', 'y'], a: { y: 2, x: 1 } } })).toBe(first)
    expect(keyOf({ nixpkgsConfig: { a: { x: 1, y: 2 }, b: ['y', 'x'] } })).not.toBe(first)
  })

  test('is another one for other popularity data', () => {
    const keyOf = (popularity: ImagePlan['popularity']): string =>
      requestKey(requestParts(planOf({ layering: 'popularity' }, {}, popularity), 'linux/amd64', revision, ownNix))
    expect(new Set([keyOf(new Map()), keyOf(new Map([['glibc', 5]])), keyOf(new Map([['glibc', 6]]))]).size).toBe(3)
  })

  test('is another one for another platform, source, or version of our own Nix', () => {
    const key = (...[platform, content, own]: [Plan['platforms'][number], string, NarHash]): string =>
      requestKey(requestParts(planOf(), platform, content, own))
    const keys = [
      key('linux/amd64', revision, ownNix),
      key('linux/arm64', revision, ownNix),
      key('linux/amd64', ownNix, ownNix),
      key('linux/amd64', revision, 'sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB='),
    ]
    expect(new Set(keys).size).toBe(4)
  })

  test('is told with all that it is made of', () => {
    expect(requestParts(planOf(), 'linux/amd64', revision, ownNix)).toEqual({
      format: '3',
      platform: 'linux/amd64',
      packages: '["git","jq",{"attr":"cacert","optional":true},{"attr":"iana-etc","optional":true}]',
      nixpkgs: revision,
      'nixpkgs-config': '{"allowUnfree":true}',
      'nix-config': 'none',
      sandbox: 'auto',
      'base layer': '{"preset":"default","volumes":[]}',
      layering: 'stable',
      popularity: 'none',
      'layers for store paths': '62',
      compression: planOf().image.layerFormat,
      "the action's nix/": ownNix,
    })
  })
})
