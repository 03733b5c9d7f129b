import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { knownVulnerabilities } from '../../src/nix/known-vulnerabilities.ts'
import { oneOfVersions } from '../../src/nix/release.ts'
import { runAction } from '../support/action.ts'
import { type BareMachineResult, runOnBareMachine } from '../support/bare-machine.ts'
import { debianSet } from '../support/debian-set.ts'
import { smallSet } from '../support/nix.ts'
import { nixConfigFolder, pathWithNix } from '../support/nix-places.ts'
import { nixReleaseTarball } from '../support/nix-release.ts'
import { manifestDigest, startRegistry } from '../support/registry.ts'
import { closedPort, startWebServer, type WebServer } from '../support/web-server.ts'

let folder: string
let server: WebServer
let release: { file: string; sha256: string; version: string }

const env = () => ({ ...process.env, PATH: pathWithNix(), NIX_CONF_DIR: nixConfigFolder })
const nix = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { env: env(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  release = await nixReleaseTarball()
  const set = await debianSet()
  execFileSync('tar', [
    '--create',
    '--gzip',
    '--dereference',
    '--file',
    join(folder, 'set.tar.gz'),
    '--directory',
    join(set, '..'),
    set.slice(set.lastIndexOf('/') + 1),
  ])
  await copyFile(release.file, join(folder, 'truncated.tar.xz'))
  await truncate(join(folder, 'truncated.tar.xz'), Math.floor(statSync(release.file).size / 2))
  const here = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  for (const [file, machine] of [
    ['riscv64.tar.xz', 'riscv64'],
    ['without-nix.tar.xz', here],
  ] as const) {
    const name = `nix-2.34.8-${machine}-linux`
    await mkdir(join(folder, 'other', name, 'store', `${'0'.repeat(32)}-hello`, 'bin'), { recursive: true })
    await writeFile(join(folder, 'other', name, '.reginfo'), '')
    execFileSync('tar', ['--create', '--xz', '--file', join(folder, file), '--directory', join(folder, 'other'), name])
  }
  execFileSync('tar', ['--create', '--xz', '--file', join(folder, 'not-nix.tar.xz'), '--directory', folder, 'other'])
  server = await startWebServer({
    '/nix.tar.xz': { file: release.file },
    '/': { folder },
    '/broken': (_, response) => response.writeHead(503).end(),
  })
}, 300_000)
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

describe('on a machine without Nix', () => {
  let first: BareMachineResult

  test('Nix is installed, packages come from a tarball and a signed cache, and the image is pushed', async () => {
    await using registry = await startRegistry()
    const cache = join(folder, 'cache')
    const set = await debianSet()
    nix('nix-store', '--generate-binary-cache-key', 'test-1', join(folder, 'key'), join(folder, 'key.pub'))
    const names = ['bash', 'coreutils', 'gnutar', 'jq', 'cacert', 'iana-etc']
    const expression = `with import ${set} { system = builtins.currentSystem; config = { }; overlays = [ ]; }; [ ${names.join(' ')} ]`
    const paths = nix('nix-build', '--no-out-link', '--expr', expression).split('\n')
    nix(
      'nix',
      'copy',
      '--extra-experimental-features',
      'nix-command',
      '--to',
      `file://${cache}?secret-key=${folder}/key&compression=zstd`,
      ...paths,
    )

    first = await runOnBareMachine(
      {
        packages: 'bash coreutils jq',
        nixpkgs: `${server.url}/set.tar.gz`,
        image: `${registry.host}/bare`,
        tags: 'v1',
        'install-nix': 'always',
        'nix-url': `${server.url}/nix.tar.xz`,
        'nix-sha256': release.sha256,
        'nix-config': `substituters = ${server.url}/cache/\ntrusted-public-keys = ${readFileSync(join(folder, 'key.pub'), 'utf8')}`,
      },
      { nextStep: 'nix --version; nix-store --query --hash "$(echo /nix/store/*-jq-1.?)"' },
    )
    expect(first.exitCode, first.log).toBe(0)
    expect(first.outputs['digest']).toBe(await manifestDigest(registry, 'bare', 'v1'))
    expect(first.log).toContain(`nix-store (Nix) ${release.version}`)
    const { timings } = JSON.parse(first.outputs['metadata'] ?? '')
    expect(Object.keys(timings)).toEqual(['install', 'source', 'nix', 'layers', 'archive', 'push', 'cache'])
  })

  test('the next step has that Nix, with install-nix: always', () => {
    expect(first.next).toMatch(
      new RegExp(`^nix \\(Nix\\) ${release.version.replaceAll('.', '\\.')}\nsha256:\\w{52}\n$`),
    )
  })

  test('nothing but the store, its database and the configuration is left in /nix', () => {
    expect(first.left).toBe('etc\nstore\nvar\n')
  })

  test('Nix builds in a sandbox by itself where that is possible', () => {
    expect(first.log).not.toContain('::notice::This runner does not let Nix build in a sandbox')
  })

  test('a Nix with known vulnerabilities is installed with a warning', () => {
    const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'
    const warning = knownVulnerabilities(`nix-store (Nix) ${release.version}`, {
      installed: { version: '', url: server.url, sha256: release.sha256 },
      system,
    })
    expect(first.warnings).toEqual(warning === undefined ? [] : [warning])
  })

  test('it is the digest that a machine with another Nix makes', async () => {
    const here = await runAction({
      packages: 'bash coreutils jq',
      nixpkgs: await debianSet(),
      push: 'false',
      tags: 'v1',
    })
    expect(here.outputs['digest'], here.log).toBe(first.outputs['digest'])
  })
})

test('with install-nix: always, later steps have Nix also where this one needed none', async () => {
  await using registry = await startRegistry()
  const inputs = { packages: 'tree', nixpkgs: smallSet, image: `${registry.host}/none`, reuse: 'registry', tags: 'v1' }
  const before = await runAction(inputs)
  expect(before.exitCode, before.log).toBe(0)
  const step = await runOnBareMachine(
    { ...inputs, 'install-nix': 'always', 'nix-url': `${server.url}/nix.tar.xz`, 'nix-sha256': release.sha256 },
    { nextStep: 'nix --version' },
  )
  expect(step.exitCode, step.log).toBe(0)
  expect(step.outputs['reused']).toBe('image')
  expect(step.next).toBe(`nix (Nix) ${release.version}\n`)
})

test('where Nix is on the PATH, it is used, and the user is told that another one was named', async () => {
  const { exitCode, log } = await runAction({
    packages: 'tree',
    nixpkgs: smallSet,
    push: 'false',
    'nix-version': '2.34.7',
  })
  expect(exitCode, log).toBe(0)
  expect(log).toContain(
    '::notice::The Nix on the PATH is used, and not the one that `nix-version` or `nix-url` names; with `install-nix: always` it would be installed.\n',
  )
})

describe('what stands in the way of an installation is one sentence, and /nix is left empty:', () => {
  const cases: [string, () => Promise<BareMachineResult>, RegExp][] = [
    [
      'a tarball with another checksum',
      () => install('nix.tar.xz', '0'.repeat(64)),
      /\/nix\.tar\.xz has the SHA-256 [0-9a-f]{64}, not 0{64}; check `nix-sha256`, and do not use that file\.$/,
    ],
    [
      'a tarball that is not there',
      () => install('nothing.tar.xz', '0'.repeat(64)),
      /\/nothing\.tar\.xz cannot be downloaded \(the server answers 404\); check that it is right, or run the job again\.$/,
    ],
    [
      'a server that is out of order',
      () => install('broken', '0'.repeat(64)),
      /\/broken cannot be downloaded \(the server answers 503\); check that it is right, or run the job again\.$/,
    ],
    [
      'a server that does not answer',
      async () =>
        runOnBareMachine({
          ...inputs,
          'nix-url': `http://127.0.0.1:${await closedPort()}/nix.tar.xz`,
          'nix-sha256': '0'.repeat(64),
        }),
      /^http:\/\/127\.0\.0\.1:\d+\/nix\.tar\.xz cannot be downloaded \(.*ECONNREFUSED.*\); check that it is right, or run the job again\.$/,
    ],
    [
      'a tarball that is cut off',
      () => install('truncated.tar.xz'),
      /^The Nix tarball cannot be unpacked \(.*\); check `nix-url`, and that tar and xz are there\.$/,
    ],
    [
      'a tarball for another system',
      () => install('riscv64.tar.xz'),
      /^The Nix tarball is nix-2\.34\.8-riscv64-linux, but this runner is \w+-linux; give the `nix-url` for that system\.$/,
    ],
    [
      'a tarball of something else',
      () => install('not-nix.tar.xz'),
      /^The Nix tarball is no release of Nix: it lacks `store` or `.reginfo`; check `nix-url`\.$/,
    ],
    [
      'a tarball of a release without Nix',
      () => install('without-nix.tar.xz'),
      /^The Nix tarball has no bin\/nix-store; check `nix-url`\.$/,
    ],
    [
      'a full disk',
      () => install('nix.tar.xz', release.sha256, 30_000_000),
      /^There is no space left in \/nix to unpack Nix; free some on the disk of the runner\.$/,
    ],
    [
      'a version whose checksum is not known',
      () => runOnBareMachine({ ...inputs, 'nix-version': '2.3' }),
      new RegExp(
        `^\`nix-version\` is 2\\.3, whose checksum for \\w+-linux is not known; write ${oneOfVersions().replaceAll('.', '\\.')}, or give \`nix-sha256\`\\.$`,
      ),
    ],
    [
      'install-nix: never',
      () => runOnBareMachine({ ...inputs, 'install-nix': 'never' }),
      /^Nix is not on the PATH, and `install-nix` is `never`; write `auto`, or install Nix in a step before this one\.$/,
    ],
  ]

  const inputs = { packages: 'tree', nixpkgs: smallSet, push: 'false' }
  const install = (name: string, hash = sha256(join(folder, name)), size?: number): Promise<BareMachineResult> =>
    runOnBareMachine(
      { ...inputs, 'nix-url': `${server.url}/${name}`, 'nix-sha256': hash },
      size === undefined ? {} : { size },
    )

  test.each(cases)('%s', async (_, attempt, sentence) => {
    const { exitCode, errors, left, log } = await attempt()
    expect(exitCode, log).toBe(1)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(sentence)
    expect(left).toBe('')
  })
})
