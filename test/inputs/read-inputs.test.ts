import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Context } from '../../src/inputs/context.ts'
import { type Inputs, readInputs } from '../../src/inputs/read-inputs.ts'
import { UserError } from '../../src/lib/error.ts'
import { configuration } from '../support/plans.ts'

type InputOfAction = { default?: string; required?: boolean }

const action: { inputs: Record<string, InputOfAction> } = parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'action.yml'), 'utf8'),
)
const commit = '0123456789abcdef0123456789abcdef01234567'

/** The values that the runner gives to the expressions in `action.yml`. */
const expressions: Record<string, string> = {
  '${{ github.token }}': 'ghs_token-of-the-job',
  '${{ github.event.pull_request.head.sha || github.sha }}': commit,
}

const context: Context = {
  workspace: '/work/space',
  temporary: '/work/temporary',
  platform: 'linux/amd64',
  repository: 'Owner/Name',
  github: { url: 'https://github.com', registry: 'ghcr.io' },
  repositoryUrl: 'https://github.com/Owner/Name',
  sourceDateEpoch: undefined,
  actor: 'somebody',
  isForkPullRequest: false,
  commit: '',
  attempt: 1,
  helperEnvironment: {},
  dockerConfig: undefined,
  event: 'push',
  isOnDefaultBranch: true,
  cacheMode: '',
  cacheService: undefined,
  nixDirectory: '/action/nix',
  childEnvironment: {},
}

/** Inputs as the runner passes them: the workflow's values, else the defaults. */
const inputsOf =
  (given: Readonly<Record<string, string>>) =>
  (name: string): string => {
    const byDefault = action.inputs[name]?.default ?? ''
    return given[name] ?? expressions[byDefault] ?? byDefault
  }

const read = (given: Record<string, string> = {}): Inputs =>
  readInputs(inputsOf({ packages: 'git', ...given }), context)

const problems = (given: Record<string, string>): string[] => {
  try {
    read(given)
  } catch (error) {
    if (error instanceof UserError) return error.message.split('\n')
    throw error
  }
  return []
}

const nix: Inputs['nix'] = {
  install: 'auto',
  sandbox: 'auto',
  release: { version: '', url: '', sha256: '' },
  config: '',
}

test('without inputs but the packages, all others have a meaning', () => {
  expect(read()).toEqual({
    packages: ['git'],
    source: {
      type: 'nixpkgs',
      revision: expect.stringMatching(/^[0-9a-f]{40}$/),
      narHash: expect.stringMatching(/^sha256-/),
    },
    nixpkgsConfig: {},
    platforms: ['linux/amd64'],
    repository: { registry: 'ghcr.io', name: 'owner/name' },
    tags: [commit],
    push: 'auto',
    output: undefined,
    credentials: undefined,
    tokenHosts: [],
    githubToken: 'ghs_token-of-the-job',
    preset: 'default',
    configuration,
    maxLayers: 64,
    layering: 'stable',
    popularity: undefined,
    compression: { algorithm: 'gzip', level: 5 },
    sbom: true,
    cache: 'true',
    reuse: 'true',
    signingKey: undefined,
    nix,
  })
})

test.each<[Record<string, string>, Partial<Inputs>]>([
  [{ packages: 'jq, shell' }, { packages: ['jq', 'bashInteractive', 'coreutils', 'moreutils', 'nano'] }],
  [{ nixpkgs: './nix' }, { source: { type: 'path', path: '/work/space/nix' } }],
  [{ 'nixpkgs-config': '{ "allowUnfree": true }' }, { nixpkgsConfig: { allowUnfree: true } }],
  [
    { image: 'quay.io/a/b', tags: 'v1,v2' },
    { repository: { registry: 'quay.io', name: 'a/b' }, tags: ['v1', 'v2'] },
  ],
  [{ push: 'true' }, { push: 'true' }],
  [{ push: 'false' }, { push: 'false' }],
  [{ output: 'image' }, { output: '/work/space/image' }],
  [{ output: './a/../image' }, { output: '/work/space/image' }],
  [{ output: '/srv/image' }, { output: '/srv/image' }],
  [{ output: 'image.tar' }, { output: '/work/space/image.tar' }],
  [{ output: 'tar' }, { output: '/work/space/tar' }],
  [{ output: 'image-1.2.gz' }, { output: '/work/space/image-1.2.gz' }],
  [{ username: 'me', password: 'word' }, { credentials: { username: 'me', password: 'word' } }],
  [
    { 'token-hosts': ' GitLab.example.org:443, api.example.com:8443\n127.0.0.1:5001 [::1]:5001 gitlab.example.org' },
    { tokenHosts: ['gitlab.example.org', 'api.example.com:8443', '127.0.0.1:5001', '[::1]:5001'] },
  ],
  [{ 'github-token': '' }, { githubToken: undefined }],
  [{ preset: 'bare' }, { preset: 'bare' }],
  [{ preset: 'job-container' }, { preset: 'job-container' }],
  [
    { entrypoint: 'git log', cmd: '["a b"]' },
    { configuration: { ...configuration, entrypoint: ['git', 'log'], cmd: ['a b'] } },
  ],
  [{ env: 'A=1', user: 'nobody' }, { configuration: { ...configuration, env: { A: '1' }, user: { name: 'nobody' } } }],
  [{ workdir: '/app', expose: '80' }, { configuration: { ...configuration, workdir: '/app', expose: ['80/tcp'] } }],
  [
    { volumes: '/data', labels: 'a=b' },
    { configuration: { ...configuration, volumes: ['/data'], labels: { a: 'b' } } },
  ],
  [
    { annotations: 'a=b' },
    { configuration: { ...configuration, annotations: { manifest: { a: 'b' }, index: { a: 'b' } } } },
  ],
  [{ 'max-layers': '3' }, { maxLayers: 3 }],
  [{ 'max-layers': '127' }, { maxLayers: 127 }],
  [{ layering: 'popularity' }, { layering: 'popularity' }],
  [{ layering: 'popularity', popularity: 'popularity.json' }, { popularity: '/work/space/popularity.json' }],
  [{ compression: 'gzip', 'compression-level': '1' }, { compression: { algorithm: 'gzip', level: 1 } }],
  [{ compression: 'gzip', 'compression-level': '9' }, { compression: { algorithm: 'gzip', level: 9 } }],
  [{ compression: 'zstd' }, { compression: { algorithm: 'zstd', level: 3 } }],
  [{ compression: 'zstd', 'compression-level': '19' }, { compression: { algorithm: 'zstd', level: 19 } }],
  [{ sbom: 'false' }, { sbom: false }],
  [{ compression: 'none' }, { compression: { algorithm: 'none', level: 0 } }],
  [{ platforms: 'linux/arm64' }, { platforms: ['linux/arm64'] }],
  [{ platforms: 'linux/arm64,linux/amd64\nlinux/arm64' }, { platforms: ['linux/amd64', 'linux/arm64'] }],
  [{ cache: 'write' }, { cache: 'write' }],
  [{ 'install-nix': 'always' }, { nix: { ...nix, install: 'always' } }],
  [{ 'install-nix': 'never' }, { nix: { ...nix, install: 'never' } }],
  [{ 'nix-version': '2.34.7' }, { nix: { ...nix, release: { version: '2.34.7', url: '', sha256: '' } } }],
  [{ 'nix-config': 'cores = 1\nmax-jobs = 2' }, { nix: { ...nix, config: 'cores = 1\nmax-jobs = 2' } }],
])('%j is taken', (given, inputs) => {
  expect(read(given)).toMatchObject(inputs)
})

describe('a wrong value is told with what to write instead:', () => {
  test.each<[Record<string, string>, string]>([
    [{ push: 'yes' }, '`push` is "yes"; write `auto`, `true` or `false`.'],
    [{ push: '' }, '`push` is ""; write `auto`, `true` or `false`.'],
    [{ push: 'True' }, '`push` is "True"; write `auto`, `true` or `false`.'],
    [{ preset: 'job' }, '`preset` is "job"; write `default`, `bare` or `job-container`.'],
    ...['LD_LIBRARY_PATH', 'NIX_LD', 'NIX_LD_LIBRARY_PATH'].map((name): [Record<string, string>, string] => [
      { preset: 'job-container', env: `${name}=/x` },
      `\`env\` has ${name}, by which \`preset: job-container\` would break the runner's Node.js; set it for the steps that need it.`,
    ]),
    [
      { preset: 'job-container', env: 'PATH=/opt/bin' },
      '`env` has PATH without /bin, where `preset: job-container` has its programs; write it too, as in `PATH=/opt/bin:/bin:/sbin:/usr/bin`.',
    ],
    [
      { preset: 'job-container', user: 'nobody' },
      '`user` is given, but jobs in a container of `preset: job-container` run as root, whose files the runner writes; leave one of them out.',
    ],
    [{ platforms: 'linux' }, '`platforms` has "linux"; write `linux/amd64` or `linux/arm64`, or both.'],
    [{ 'install-nix': 'yes' }, '`install-nix` is "yes"; write `auto`, `always` or `never`.'],
    [{ cache: 'yes' }, '`cache` is "yes"; write `true`, `read`, `write` or `false`.'],
    [{ reuse: 'yes' }, '`reuse` is "yes"; write `true`, `registry` or `false`.'],
    [{ layering: 'best' }, '`layering` is "best"; write `stable` or `popularity`.'],
    [{ sbom: 'spdx' }, '`sbom` is "spdx"; write `true` or `false`.'],
    [
      { popularity: 'popularity.json' },
      '`popularity` is given, but only `layering: popularity` uses it; write that too, or leave it out.',
    ],
    [{ compression: 'xz' }, '`compression` is "xz"; write `gzip`, `zstd` or `none`.'],
    ...['2', '128', '', '-3', '6.4', '1e2', '0x40', 'many', '10000'].map((value): [Record<string, string>, string] => [
      { 'max-layers': value },
      `\`max-layers\` is "${value}"; write a whole number from 3 to 127.`,
    ]),
    ...['0', '10', '-1', 'best', '', '6.0'].map((value): [Record<string, string>, string] => [
      { 'compression-level': value },
      `\`compression-level\` is "${value}"; write \`auto\`, or 1 to 9 for \`gzip\`.`,
    ]),
    [
      { compression: 'zstd', 'compression-level': '20' },
      '`compression-level` is "20"; write `auto`, or 1 to 19 for `zstd`.',
    ],
    [
      { compression: 'none', 'compression-level': '6' },
      '`compression-level` is "6"; with `compression: none`, leave it at `auto`.',
    ],
    ...['image.tar.gz', 'image.tar.zst', 'image.tar.xz/', 'image.tgz', 'image.TAR', 'image.zip'].map(
      (output): [Record<string, string>, string] => [
        { output },
        `\`output\` is "${output}", but of archives only \`.tar\` is written, whose layers are compressed as \`compression\` says; write "image.tar", or a folder with another name.`,
      ],
    ),
    ...['', 'allowUnfree', '[]', 'null', '{', '"text"'].map((value): [Record<string, string>, string] => [
      { 'nixpkgs-config': value },
      `\`nixpkgs-config\` is ${JSON.stringify(value)}; write a JSON object in quotes, as in \`nixpkgs-config: '{ "allowUnfree": true }'\`.`,
    ]),
    [
      { username: 'me' },
      '`username` is given, but not `password`; give both, or neither to use what docker/login-action left.',
    ],
    ...[
      ['https://gitlab.example.org/jwt/auth'],
      ['gitlab.example.org/jwt/auth'],
      ['*'],
      ['*.example.org'],
      ['.example.org'],
      ['example.org.'],
      ['example.org:port'],
      ['example.org:99999'],
      ['::1'],
      ['https://me:word@gitlab.example.org', 'https://***@gitlab.example.org'],
    ].map(([value = '', shown = value]): [Record<string, string>, string] => [
      { 'token-hosts': value },
      `\`token-hosts\` has "${shown}"; write each host alone and in full, with a port where it has one, as in \`gitlab.example.org\`.`,
    ]),
    [
      { password: 'word' },
      '`password` is given, but not `username`; give both, or neither to use what docker/login-action left.',
    ],
  ])('%j', (given, problem) => {
    expect(problems(given)).toEqual([problem])
  })
})

const allWrong: Record<string, string> = {
  ...Object.fromEntries(Object.keys(action.inputs).map((name) => [name, 'wr()ng'])),
  username: '',
}

test('all problems are told at once, each with the name of its input', () => {
  const named = new Set(problems(allWrong).map((problem) => /^`([a-z0-9-]+)` /.exec(problem)?.[1]))
  const withoutWrongValues = ['github-token', 'nix-config', 'output', 'username']
  expect([...named].toSorted()).toEqual(
    Object.keys(action.inputs)
      .filter((name) => !withoutWrongValues.includes(name))
      .toSorted(),
  )
})

test('a secret is in no problem', () => {
  const secrets = { password: 'pass-word', 'github-token': 'ghs_token', 'cache-signing-key': 'key-1:c2VjcmV0' }
  const text = problems({ ...allWrong, ...secrets }).join('\n')
  expect(text).toContain('`password`')
  expect(text).toContain('`cache-signing-key`')
  for (const secret of Object.values(secrets)) expect(text).not.toContain(secret)
})

test('whatever the inputs are, they are taken or the user is told in sentences, a line each', () => {
  const names = Object.keys(action.inputs).filter((name) => name !== 'packages')
  const given = fc.dictionary(fc.constantFrom(...names), fc.string({ unit: 'binary' }), {
    maxKeys: 5,
    noNullPrototype: true,
  })
  fc.assert(
    fc.property(given, (inputs) => {
      for (const problem of problems(inputs)) expect(problem).toMatch(/^`[a-z0-9-]+` .*\.$/)
    }),
  )
})

test('the inputs that are read are those of action.yml', () => {
  const asked = new Set<string>()
  readInputs((name) => {
    asked.add(name)
    return inputsOf({ packages: 'git' })(name)
  }, context)
  expect([...asked].toSorted()).toEqual(Object.keys(action.inputs).toSorted())
})

test('action.yml requires the packages and nothing else', () => {
  const required = Object.entries(action.inputs).filter(([, input]) => input.required)
  expect(required.map(([name]) => name)).toEqual(['packages'])
})
