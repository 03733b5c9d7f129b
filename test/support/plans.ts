import type { Context } from '../../src/inputs/context.ts'
import type { Inputs } from '../../src/inputs/read-inputs.ts'
import { type Plan, plan } from '../../src/plan.ts'

/** The configuration if no input says how containers start. */
export const configuration: Inputs['configuration'] = {
  entrypoint: undefined,
  cmd: undefined,
  env: {},
  user: undefined,
  workdir: undefined,
  expose: [],
  volumes: [],
  stopSignal: undefined,
  healthcheck: undefined,
  labels: {},
  annotations: { manifest: {}, index: {} },
}

/** The inputs for an image of two packages, for another platform than this machine's. */
export const inputs = {
  source: { type: 'channel', channel: 'nixos-25.11' },
  repository: { registry: 'ghcr.io', name: 'owner/name' },
  tags: ['v1'],
  credentials: undefined,
  tokenHosts: [],
  githubToken: undefined,
  signingKey: undefined,
  cache: 'true',
  packages: ['git', 'jq'],
  nixpkgsConfig: { allowUnfree: true },
  platforms: ['linux/arm64'],
  push: 'auto',
  preset: 'default',
  maxLayers: 64,
  layering: 'stable',
  compression: { algorithm: 'gzip', level: 6 },
  output: undefined,
  reuse: 'true',
  configuration,
  nix: { install: 'auto', sandbox: 'auto', release: { version: '', url: '', sha256: '' }, config: '' },
} as const satisfies Partial<Inputs>

const context = {
  platform: 'linux/amd64',
  isForkPullRequest: false,
  workspace: '/workspace',
  temporary: '/temporary',
  childEnvironment: {},
  github: { url: 'https://github.com', registry: 'ghcr.io' },
  event: 'push',
  isOnDefaultBranch: true,
  cacheMode: '',
  nixDirectory: '/action/nix',
} as const satisfies Partial<Context>

/** The plan for that image, with changes. */
export const planOf = (
  changedInputs: Partial<Inputs> = {},
  changedContext: Partial<Context> = {},
  popularity?: Plan['image']['popularity'],
): Plan => plan({ ...inputs, ...changedInputs } as Inputs, { ...context, ...changedContext } as Context, popularity)
