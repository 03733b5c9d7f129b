import { chmod, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { githubToken, runAction, type StepResult } from './support/action.ts'
import { unpackImage } from './support/container.ts'
import { debianSet } from './support/debian-set.ts'
import { smallSet } from './support/nix.ts'
import { pathWithNix } from './support/nix-places.ts'
import { need } from './support/process.ts'
import { type Registry, reader, startRegistry, tags } from './support/registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { closedPort } from './support/web-server.ts'

let open: Registry
let withTokens: Registry
let withPassword: Registry
let layout: string

beforeAll(async () => {
  ;[open, withTokens, withPassword] = await Promise.all([
    startRegistry(),
    startRegistry({ auth: 'token' }),
    startRegistry({ auth: 'basic' }),
  ])
  layout = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterAll(() => Promise.all([open.stop(), withTokens.stop(), withPassword.stop(), rm(layout, { recursive: true })]))

/** Only the lines that tell the runner what to mask may contain a secret. */
const withoutMasks = (log: string): string => log.replaceAll(/^::add-mask::.*$/gm, '')

const narrowSet = join(smallSet, '..', 'narrow-set')

const small = { nixpkgs: smallSet, packages: 'tree other' }

describe('a mistake is one error that says what to do, and nothing is pushed:', () => {
  const cases: [string, () => Promise<StepResult>, string][] = [
    [
      'an unknown package',
      () => runAction({ ...small, packages: 'tree tere', image: `${open.host}/unknown` }),
      '`packages` has tere, which is not in SET; did you mean `tree`?',
    ],
    [
      'packages that fail each in its own way',
      () =>
        runAction({
          nixpkgs: join(smallSet, '..', 'refusing-set'),
          packages: 'first second third nosuch',
          image: `${open.host}/failing`,
        }),
      [
        'first: first has been removed; leave it out, or name an older `nixpkgs` that has it.',
        `second: Package ‘second-1’ in source/pkgs/package.nix:10 has an unfree license (‘unfree’), refusing to evaluate; write \`nixpkgs-config: '{ "allowUnfree": true }'\` if you may use it.`,
        'third: third has been renamed; leave it out, or name an older `nixpkgs` that has it.\n`packages` has nosuch, which is not in SET; search for the name at https://search.nixos.org/packages.',
      ].join('\nThe packages cannot be evaluated from SET: package '),
    ],
    [
      'a package name with Nix syntax in it',
      () => runAction({ ...small, packages: 'tree ${builtins.readFile(/etc/passwd)}', image: `${open.host}/syntax` }),
      '`packages` has "${builtins.readFile(/etc/passwd)}", which is no attribute path; write names as nixpkgs has them, joined by dots, as in `git phpPackages.composer`.',
    ],
    [
      'a missing input',
      () => runAction({ nixpkgs: smallSet, image: `${open.host}/missing` }),
      '`packages` names no package; list attribute paths of nixpkgs, as in `packages: bashInteractive coreutils git`.',
    ],
    [
      'a token server that refuses the credentials',
      () =>
        runAction({ ...small, image: `${withTokens.host}/refused`, username: 'pusher', password: 'wrong-password' }),
      'REGISTRY refuses the credentials of pusher; check `username` and `password`, or what docker/login-action was given.',
    ],
    [
      'a registry that refuses the credentials',
      () =>
        runAction({ ...small, image: `${withPassword.host}/refused`, username: 'pusher', password: 'wrong-password' }),
      'REGISTRY refuses the credentials of pusher; check `username` and `password`, or what docker/login-action was given.',
    ],
    [
      'a registry that wants credentials',
      () => runAction({ ...small, image: `${withTokens.host}/anonymous` }),
      'REGISTRY wants credentials and there are none; give `username` and `password`, or log in with docker/login-action before this step.',
    ],
    [
      'a user who may not push',
      () => runAction({ ...small, image: `${withTokens.host}/reader`, ...reader }),
      'REGISTRY does not let reader push to REGISTRY/reader; use credentials that may write to it, as a token with the right to write, and check the name in `image`.',
    ],
    [
      'a registry that does not answer',
      async () => runAction({ ...small, image: `127.0.0.1:${await closedPort()}/nobody` }),
      'REGISTRY does not answer (connect ECONNREFUSED REGISTRY); check the host in `image`, or run the job again.',
    ],
    [
      'a Nix that is not there',
      async () => {
        await using bin = await temporaryFolder('no-nix')
        await symlink(need('git', 'git'), join(bin.path, 'git'))
        return await runAction(
          { ...small, image: `${open.host}/no-nix`, 'install-nix': 'never' },
          { environment: { PATH: bin.path } },
        )
      },
      'Nix is not on the PATH, and `install-nix` is `never`; write `auto`, or install Nix in a step before this one.',
    ],
    [
      'a derivation that does not build',
      async () => runAction({ nixpkgs: await debianSet(), packages: 'broken-build', image: `${open.host}/broken` }),
      'The derivation broken-build-1.0 does not build (exit code 1); its log ends with:',
    ],
    [
      'an unfree package',
      async () => runAction({ nixpkgs: await debianSet(), packages: 'unfree-hello', image: `${open.host}/unfree` }),
      `write \`nixpkgs-config: '{ "allowUnfree": true }'\` if you may use it.`,
    ],
    [
      'a package set that is not there',
      () => runAction({ packages: 'tree', nixpkgs: '/nowhere', image: `${open.host}/no-set` }),
      '`nixpkgs` is /nowhere, which does not exist; check the path, and that actions/checkout ran before this step.',
    ],
    [
      'a folder that is no package set',
      () => runAction({ packages: 'tree', nixpkgs: layout, image: `${open.host}/no-default` }),
      'which has no default.nix; name the folder of a package set.',
    ],
    [
      'an output folder with other files in it',
      () => runAction({ ...small, output: smallSet, image: `${open.host}/other-files` }),
      'which has other files in it; name an empty folder, or one that does not exist.',
    ],
    [
      'an output folder that cannot be made',
      () => runAction({ ...small, output: '/dev/null/here', image: `${open.host}/no-output` }),
      '`output` is /dev/null/here, which cannot be written to (ENOTDIR); name another folder.',
    ],
    [
      'a file that is no folder for temporary files',
      () => runAction({ ...small, image: `${open.host}/no-temp` }, { environment: { RUNNER_TEMP: '/dev/null' } }),
      'RUNNER_TEMP is /dev/null, which cannot be written to (EEXIST); name a folder of this user.',
    ],
    [
      'a package set that takes too few arguments',
      () => runAction({ packages: 'tree', nixpkgs: narrowSet, image: `${open.host}/narrow` }),
      'let the default.nix of the package set take `{ system, config, overlays, ... }`.',
    ],
    [
      'a machine that is no Linux runner',
      () =>
        runAction(
          { ...small, image: `${open.host}/macos` },
          { environment: { RUNNER_OS: 'macOS', RUNNER_ARCH: 'ARM64' } },
        ),
      'nix-image-action runs on Linux on x64 and arm64, not on macOS ARM64; write `runs-on: ubuntu-latest` or `ubuntu-24.04-arm`.',
    ],
  ]

  test.each(cases)('%s', async (_, step, sentence) => {
    const { exitCode, errors, outputs, log } = await step()
    expect({ exitCode, outputs }).toEqual({ exitCode: 1, outputs: {} })
    expect(errors).toHaveLength(1)
    const [error = ''] = errors
    expect(
      error
        .replaceAll(/\/\S*(?:small|refusing)-set with the content sha256-[^;:]+/g, 'SET')
        .replaceAll(/127\.0\.0\.1:\d+/g, 'REGISTRY'),
    ).toContain(sentence)
    expect(log).not.toMatch(/^\s+at .*\.[jt]s:\d+/m)
    expect(withoutMasks(log)).not.toContain('wrong-password')
  })

  test('no registry has anything afterwards', async () => {
    for (const registry of [open, withTokens, withPassword])
      expect(registry.requests().filter(({ method, status }) => method === 'PUT' && status < 300)).toEqual([])
  })
})

test('every problem with the inputs is told at once', async () => {
  const { errors, exitCode } = await runAction({
    packages: '(x)',
    push: 'maybe',
    'max-layers': '1000',
    compression: 'xz',
    platforms: 'linux/s390x',
  })
  expect(exitCode).toBe(1)
  expect(errors[0]?.split('\n')).toHaveLength(5)
})

describe('the registry’s credentials', () => {
  test('from the inputs are used for a token, and are in no log', async () => {
    const { host, username, password } = withTokens
    const { exitCode, log } = await runAction({ ...small, image: `${host}/inputs`, tags: 'v1', username, password })
    expect(exitCode, log).toBe(0)
    expect(await tags(withTokens, 'inputs')).toEqual(['v1'])
    expect(withoutMasks(log)).not.toContain(password)
    expect(withoutMasks(log)).not.toContain(githubToken)
  })

  test('from a credential helper that Docker’s configuration names are used, and are in no log', async () => {
    const { host, username, password } = withTokens
    const folder = await mkdtemp(join(layout, 'docker-'))
    await writeFile(join(folder, 'config.json'), JSON.stringify({ credHelpers: { [host]: 'test' } }))
    const helper = join(folder, 'docker-credential-test')
    const answer = JSON.stringify({ ServerURL: host, Username: username, Secret: password })
    await writeFile(helper, `#!/bin/sh\ntest "$1 $(cat)" = "get ${host}" && echo '${answer}'\n`)
    await chmod(helper, 0o755)
    const environment = { DOCKER_CONFIG: folder, PATH: `${folder}:${pathWithNix()}` }
    const { exitCode, log } = await runAction({ ...small, image: `${host}/helper`, tags: 'v1' }, { environment })
    expect(exitCode, log).toBe(0)
    expect(await tags(withTokens, 'helper')).toEqual(['v1'])
    expect(log).toContain(`::add-mask::${password}`)
    expect(withoutMasks(log)).not.toContain(password)
  })

  test('from the inputs are used for basic authentication', async () => {
    const { host, username, password } = withPassword
    const { exitCode, log } = await runAction({ ...small, image: `${host}/inputs`, tags: 'v1', username, password })
    expect(exitCode, log).toBe(0)
    expect(await tags(withPassword, 'inputs')).toEqual(['v1'])
  })
})

describe('without a push', () => {
  test('an image layout can be completed where a run before it failed', async () => {
    const output = join(layout, 'again')
    const failed = await runAction({ ...small, packages: 'tree whiteout', push: 'false', output })
    expect(failed.errors[0]).toMatch(
      /whiteout\/share has \.wh\.file, which in an image removes a file instead of being one/,
    )
    const { exitCode, log } = await runAction({ ...small, push: 'false', output })
    expect(exitCode, log).toBe(0)
  })

  test('an image layout is written that other programs run', async () => {
    const folder = join(layout, 'image')
    const { exitCode, outputs, log } = await runAction({
      nixpkgs: await debianSet(),
      packages: 'bash',
      push: 'false',
      output: folder,
      tags: 'a\nb',
    })
    expect(exitCode, log).toBe(0)
    expect(outputs['output']).toBe(folder)
    await using container = await unpackImage(`oci:${folder}:b`)
    expect(await container.run(['bash', '-c', 'echo $BASH_VERSION'])).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('a pull request from a fork ends well, and says why it did not push', async () => {
    const event = { pull_request: { head: { repo: { full_name: 'Stranger/Repository' } } } }
    const { exitCode, log, outputs } = await runAction(
      { ...small, image: `${open.host}/fork` },
      { event, environment: { GITHUB_EVENT_NAME: 'pull_request' } },
    )
    expect(exitCode, log).toBe(0)
    expect(log).toContain(
      'The image is not pushed: this is a pull request from a fork, whose token cannot write packages.',
    )
    expect(outputs['digest']).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await tags(open, 'fork')).toEqual([])
  })
})

test('nix-config reaches Nix', async () => {
  const { log } = await runAction({ ...small, push: 'false', 'nix-config': 'no-such-setting = 1' })
  expect(log).toContain("unknown setting 'no-such-setting'")
})

test('nothing is left in the runner’s temporary folder but the bill of materials and the metadata', async () => {
  const temporary = await mkdtemp(join(layout, 'temporary-'))
  const environment = { RUNNER_TEMP: temporary }
  const { outputs } = await runAction({ ...small, push: 'false' }, { environment })
  await runAction({ ...small, packages: 'tere', push: 'false' }, { environment })
  const files = [outputs['metadata-file'], outputs['sbom']].map((file) => basename(file ?? ''))
  expect((await readdir(temporary)).toSorted()).toEqual(files.toSorted())
})
