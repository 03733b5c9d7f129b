import { describe, expect, test } from 'vitest'
import { compressionFormat } from '../src/archive/compression.ts'
import type { Inputs } from '../src/inputs/read-inputs.ts'
import type { Plan } from '../src/plan.ts'
import { inputs, planOf } from './support/plans.ts'

const optional = [
  { attr: 'cacert', optional: true },
  { attr: 'iana-etc', optional: true },
]

const jobContainer = ['bash', 'coreutils', 'gnugrep', 'gnutar', 'gzip', 'zstd'].map((attr) => ({ attr }))
const loader = ['nix-ld', 'glibc', 'stdenv.cc.cc.lib'].map((attr) => ({ attr, linked: false }))

test.each([
  ['default', 64, 62, ['git', 'jq', ...optional]],
  ['default', 3, 1, ['git', 'jq', ...optional]],
  ['bare', 64, 63, ['git', 'jq']],
  ['bare', 127, 126, ['git', 'jq']],
  ['job-container', 64, 62, ['git', 'jq', ...jobContainer, { attr: 'cacert' }, optional[1], ...loader]],
] as const)('preset %s of at most %d layers: %d layers for store paths', (preset, maxLayers, layerBudget, packages) => {
  const planned = planOf({ preset, maxLayers })
  expect({ ...planned.image, packages: planned.image.evaluation.packages }).toMatchObject({ layerBudget, packages })
})

test.each([
  ['bash', 'bashInteractive'],
  ['git', 'gitMinimal'],
  ['git', 'gitFull'],
  ['coreutils', 'coreutils-full'],
])('a container of a job gets no %s where %s is listed, with which it would be in conflict', (attr, listed) => {
  const { packages } = planOf({ preset: 'job-container', packages: [listed] }).image.evaluation
  expect(packages).toContain(listed)
  expect(packages).not.toContainEqual({ attr })
  expect(planOf({ preset: 'job-container', packages: [] }).image.evaluation.packages).toContainEqual({ attr })
})

test('the base layer has the user, the working directory and the volumes, and is there for that alone', () => {
  const user = { uid: 1000, gid: undefined }
  const planWith = (preset: Inputs['preset'], workdir?: string, volumes: string[] = []): Plan =>
    planOf({ preset, configuration: { ...inputs.configuration, user, workdir, volumes } })
  expect(planWith('default', '/app').image.base).toEqual({ preset: 'default', user, workdir: '/app', volumes: [] })
  expect(planWith('default', '/app', ['/data']).image.base).toMatchObject({ volumes: ['/data'] })
  expect(planWith('bare', undefined, ['/data']).image).toMatchObject({ layerBudget: 62 })
  expect(planWith('bare', '/app').image).toMatchObject({ layerBudget: 62 })
  for (const workdir of [undefined, '/']) expect(planWith('bare', workdir).image).toMatchObject({ layerBudget: 63 })
})

describe('the configuration', () => {
  const repositoryUrl = 'https://github.com/Owner/Name'
  const source = { 'org.opencontainers.image.source': repositoryUrl }

  test('tells where the repository of the workflow is, in labels and annotations', () => {
    expect(planOf({}, { repositoryUrl }).image.configuration).toMatchObject({
      labels: source,
      annotations: { manifest: source, index: source },
    })
    expect(planOf().image.configuration).toMatchObject(inputs.configuration)
  })

  test('tells another source where one is given', () => {
    const other = { 'org.opencontainers.image.source': 'https://example.org', a: 'b' }
    const configuration = { ...inputs.configuration, labels: other, annotations: { manifest: other, index: {} } }
    expect(planOf({ configuration }, { repositoryUrl }).image.configuration).toMatchObject({
      labels: other,
      annotations: { manifest: other, index: source },
    })
  })

  test.each([
    [undefined, '1970-01-01T00:00:01Z'],
    [0, '1970-01-01T00:00:00Z'],
    [1735689600, '2025-01-01T00:00:00Z'],
    [253402300799, '9999-12-31T23:59:59Z'],
  ])('has the same time for all images, but where SOURCE_DATE_EPOCH says so: %j', (sourceDateEpoch, created) => {
    expect(planOf({}, { sourceDateEpoch }).image.configuration.created).toBe(created)
  })
})

test('an image for another platform is built with the tools of this machine', () => {
  const {
    platforms,
    image: { evaluation },
  } = planOf()
  expect(platforms).toEqual(['linux/arm64'])
  expect(evaluation).toMatchObject({
    nativeSystem: 'x86_64-linux',
    nixDirectory: '/action/nix',
    config: { allowUnfree: true },
  })
})

test('layering and compression are as the inputs say, and the format of a layer follows from them', () => {
  const compression = { algorithm: 'zstd', level: 3 } as const
  expect(planOf({ layering: 'popularity', compression }).image).toMatchObject({
    layering: 'popularity',
    compression,
    layerFormat: compressionFormat(compression),
  })
  expect(planOf({ compression }).image.layerFormat).not.toBe(planOf().image.layerFormat)
})

test('what decides the layers is part of the plan, popularity by its content', () => {
  const counts = new Map([['glibc', 5000]])
  expect(planOf({ layering: 'popularity' }, {}, counts).image.popularity).toEqual(counts)
  expect(planOf().image.popularity).toEqual(new Map())
})

test.each<[Partial<Inputs>, Plan['reuse']]>([
  [{ reuse: 'true' }, 'records'],
  [{ reuse: 'registry' }, 'registry'],
  [{ reuse: 'false' }, 'none'],
  // Only the registry has a reused layer, but a layout needs it as a file.
  [{ reuse: 'true', output: '/layout' }, 'none'],
  [{ reuse: 'registry', output: '/layout' }, 'none'],
])('with %j, what earlier runs made is used as far as it is known from: %s', (changes, reuse) => {
  expect(planOf(changes).reuse).toBe(reuse)
})

test('the credentials of the inputs come with the hosts that may get them', () => {
  const credentials = { username: 'me', password: 'word' }
  expect(planOf({ credentials, tokenHosts: ['gitlab.example.org'] }).target.credentials).toMatchObject({
    credentials,
    tokenHosts: ['gitlab.example.org'],
  })
})
