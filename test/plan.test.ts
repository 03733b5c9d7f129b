import { describe, expect, test } from 'vitest'
import type { Context } from '../src/context.ts'
import type { Inputs } from '../src/inputs.ts'
import { compressionFormat } from '../src/oci/compression.ts'
import { type Plan, plan } from '../src/plan.ts'

const inputs = {
  packages: ['git', 'jq'],
  nixpkgsConfig: { allowUnfree: true },
  platforms: ['linux/arm64'],
  push: 'auto',
  preset: 'default',
  maxLayers: 64,
  layering: 'stable',
  compression: { algorithm: 'gzip', level: 6 },
} as const satisfies Partial<Inputs>

const context = {
  platform: 'linux/amd64',
  isForkPullRequest: false,
  nixDirectory: '/action/nix',
} as const satisfies Partial<Context>

const planOf = (
  changedInputs: Partial<Inputs> = {},
  changedContext: Partial<Context> = {},
  popularity?: Plan['popularity'],
): Plan => plan({ ...inputs, ...changedInputs } as Inputs, { ...context, ...changedContext } as Context, popularity)

const optional = [
  { attr: 'cacert', optional: true },
  { attr: 'iana-etc', optional: true },
]

test.each([
  ['default', 64, true, 62, ['git', 'jq', ...optional]],
  ['default', 3, true, 1, ['git', 'jq', ...optional]],
  ['bare', 64, false, 63, ['git', 'jq']],
  ['bare', 127, false, 126, ['git', 'jq']],
] as const)(
  'preset %s of at most %d layers: base layer %j, %d layers for store paths',
  (preset, maxLayers, baseLayer, layerBudget, packages) => {
    const planned = planOf({ preset, maxLayers })
    expect({ ...planned, packages: planned.evaluation.packages }).toMatchObject({ baseLayer, layerBudget, packages })
  },
)

test('an image for another platform is built with the tools of this machine', () => {
  const { platforms, evaluation } = planOf()
  expect(platforms).toEqual(['linux/arm64'])
  expect(evaluation).toMatchObject({
    nativeSystem: 'x86_64-linux',
    nixDirectory: '/action/nix',
    config: { allowUnfree: true },
  })
})

test('layering and compression are as the inputs say, and the format of a layer follows from them', () => {
  const compression = { algorithm: 'zstd', level: 3 } as const
  expect(planOf({ layering: 'popularity', compression })).toMatchObject({
    layering: 'popularity',
    compression,
    layerFormat: compressionFormat(compression),
  })
  expect(planOf({ compression }).layerFormat).not.toBe(planOf().layerFormat)
})

test('what decides the layers is part of the plan, popularity by its content', () => {
  const counts = [['glibc', 5000]] as const
  expect(planOf({ layering: 'popularity' }, {}, counts).popularity).toEqual(counts)
  expect(planOf().popularity).toEqual([])
})

describe('an image', () => {
  test.each([
    ['auto', false, true],
    ['auto', true, false],
    ['true', false, true],
    ['true', true, true],
    ['false', false, false],
    ['false', true, false],
  ] as const)('with push: %s, fork: %j, is pushed: %j', (push, isForkPullRequest, pushed) => {
    expect(planOf({ push }, { isForkPullRequest }).push).toBe(pushed)
  })

  test('that is not pushed has the reason with it', () => {
    expect(planOf({ push: 'auto' }, { isForkPullRequest: true }).notPushed).toBe(
      'The image is not pushed: this is a pull request from a fork, whose token cannot write packages.',
    )
    for (const isForkPullRequest of [true, false])
      expect(planOf({ push: 'false' }, { isForkPullRequest }).notPushed).toBe(
        'The image is not pushed, as `push: false` says.',
      )
  })
})
