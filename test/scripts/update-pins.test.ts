import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Pins } from '../../scripts/pins.ts'
import { parseNarHash } from '../../src/nix/nar-hash.ts'
import { root } from '../support/action.ts'
import { nixConfigFolder, pathWithNix } from '../support/nix-places.ts'
import { type Finished, output, run } from '../support/process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { type Content, startWebServer } from '../support/web-server.ts'

/** What the servers have: a commit of nixos-26.05, its archive, and releases of Nix. */
const revision = 'c0ffee'.padEnd(40, '0')
const archivePath = `/NixOS/nixpkgs/archive/${revision}.tar.gz`
const channelPath = '/nixos-26.05/git-revision'
const systems = ['x86_64-linux', 'aarch64-linux']

let folder: TemporaryFolder
let archive: Buffer

beforeAll(async () => {
  folder = await temporaryFolder('pins')
  const set = join(folder.path, `nixpkgs-${revision}`)
  await mkdir(join(set, 'pkgs'), { recursive: true })
  await writeFile(join(set, 'default.nix'), '{ }: { }\n')
  await writeFile(join(set, 'pkgs', 'build.sh'), '#!/bin/sh\n')
  await chmod(join(set, 'pkgs', 'build.sh'), 0o755)
  await symlink('pkgs/build.sh', join(set, 'link'))
  archive = await pack(`nixpkgs-${revision}`)
})
afterAll(() => folder[Symbol.asyncDispose]())

const pack = async (name: string): Promise<Buffer> => {
  const file = join(folder.path, `${name}.tar.gz`)
  await output('tar', ['--create', '--gzip', '--file', file, '--directory', folder.path, name])
  return readFile(file)
}

const before: Pins = {
  nixpkgs: { channel: 'nixos-26.05', revision: 'a'.repeat(40), narHash: `sha256-${'A'.repeat(43)}=` },
  channelEnds: { '25.11': '2026-06-30', '26.05': '2026-12-30' },
  nix: {
    default: '2.34.7',
    releases: {
      '2.34.7': { 'x86_64-linux': 'a'.repeat(64), 'aarch64-linux': 'b'.repeat(64) },
      '2.35.2': { 'x86_64-linux': 'c'.repeat(64), 'aarch64-linux': 'd'.repeat(64) },
    },
  },
}

const tarballOf = (version: string, system: string): string => `Nix ${version} for ${system}`
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const checksumsOf = (version: string): Record<string, string> =>
  Object.fromEntries(systems.map((system) => [system, sha256(tarballOf(version, system))]))
const tarballPath = (version: string, system = 'x86_64-linux'): string =>
  `/nix/nix-${version}/nix-${version}-${system}.tar.xz`
const releases = (...versions: string[]): Record<string, Content> =>
  Object.fromEntries(
    versions.flatMap((version) =>
      systems.flatMap((system) => [
        [tarballPath(version, system), tarballOf(version, system)],
        [`${tarballPath(version, system)}.sha256`, `${sha256(tarballOf(version, system))}\n`],
      ]),
    ),
  )

/** The list of a bucket, as S3 answers it: the folders whose names start with what the query says. */
const list =
  (...names: string[]): Content =>
  ({ url = '' }, response) => {
    const { searchParams } = new URL(url, 'http://localhost')
    const found = names.filter((name) => `nix/nix-${name}/`.startsWith(searchParams.get('prefix') ?? ''))
    const prefixes = found.map((name) => `<CommonPrefixes><Prefix>nix/nix-${name}/</Prefix></CommonPrefixes>`)
    response.end(`<?xml version="1.0"?><ListBucketResult>${prefixes.join('')}</ListBucketResult>`)
  }

/** The web server would answer with this for all paths. */
const atRoot =
  (content: Content): Content =>
  (request, response) => {
    if (!/^\/(\?|$)/.test(request.url ?? '')) response.writeHead(404).end()
    else if (typeof content === 'function') content(request, response)
    else response.end(content)
  }

const bytes =
  (content: () => Buffer): Content =>
  (_, response) =>
    response.end(content())

const good = (): Record<string, Content> => ({
  [channelPath]: `${revision}\n`,
  [archivePath]: bytes(() => archive),
  '/': list('2.34.7', '2.34.9', '2.34.10pre20261101_abcdef0', '2.35.0pre20260601_abcdef0', '2.35.2', '2.35.3'),
  ...releases('2.34.9', '2.35.3'),
})

type Updated = Finished & {
  readonly pins: Pins
  readonly text: string
  readonly left: string[]
  readonly asked: string[]
}

/** Runs the script with pins and servers. `left` is what is beside the pins afterwards. */
const update = async (
  contents: Record<string, Content>,
  pins: Pins = before,
  today = '2026-11-01',
): Promise<Updated> => {
  await using place = await temporaryFolder('update-pins')
  await using server = await startWebServer({ ...contents, '/': atRoot(contents['/'] ?? '') })
  const file = join(place.path, 'pins.json')
  await writeFile(file, `${JSON.stringify(pins, undefined, 2)}\n`)
  const script = join(root, 'scripts', 'update-pins.ts')
  const finished = await run(process.execPath, [script, '--server', server.url, '--file', file, '--today', today])
  const text = await readFile(file, 'utf8')
  return {
    stdout: finished.stdout,
    stderr: finished.stderr.replaceAll(server.url, ''),
    exitCode: finished.exitCode,
    ...{ text, pins: JSON.parse(text), left: await readdir(place.path) },
    asked: server.requests.map(({ path }) => path),
  }
}

describe('the pins are brought up to date', () => {
  test('with the commit of the channel, the hash that Nix has for it, and the newest Nix of two series', async () => {
    const { exitCode, stderr, stdout, pins, left } = await update(good())
    expect({ exitCode, stderr, left }).toEqual({ exitCode: 0, stderr: '', left: ['pins.json'] })
    const narHash = await prefetched()
    expect(pins).toEqual({
      nixpkgs: { channel: 'nixos-26.05', revision, narHash },
      channelEnds: before.channelEnds,
      nix: {
        default: '2.34.9',
        releases: {
          ...before.nix.releases,
          '2.34.9': checksumsOf('2.34.9'),
          '2.35.3': checksumsOf('2.35.3'),
        },
      },
    })
    expect(Object.keys(pins.nix.releases)).toEqual(['2.34.7', '2.34.9', '2.35.2', '2.35.3'])
    expect(stdout).toBe(
      [
        `- The default \`nixpkgs\` is \`${revision}#${narHash}\` of nixos-26.05.`,
        '- The checksums of Nix 2.34.9 are known.',
        '- The checksums of Nix 2.35.3 are known.',
        '- The Nix that is installed by default is 2.34.9.\n',
      ].join('\n'),
    )
  })

  test('without a change and a download where nothing is new', async () => {
    const first = await update(good())
    const again = await update(good(), first.pins)
    expect(again).toMatchObject({ exitCode: 0, stdout: '', stderr: '', text: first.text })
    expect(again.asked.filter((path) => path.includes('.tar.'))).toEqual([])
  })

  test('with a series that has appeared; the default is of the one before it', async () => {
    const contents = { ...good(), '/': list('2.35.3', '2.36.0', '2.36.1'), ...releases('2.36.1') }
    const { pins, stderr } = await update(contents)
    expect(stderr).toBe('')
    expect(Object.keys(pins.nix.releases)).toEqual(['2.34.7', '2.35.2', '2.35.3', '2.36.1'])
    expect(pins.nix.default).toBe('2.35.3')
  })

  test('with a series that has appeared after one that was never released, which it says', async () => {
    const contents = { ...good(), '/': list('2.35.3', '2.37.0', '2.37.1'), ...releases('2.37.1') }
    const { pins, stdout, stderr } = await update(contents)
    expect(stderr).toBe('')
    expect(Object.keys(pins.nix.releases)).toEqual(['2.34.7', '2.35.2', '2.35.3', '2.37.1'])
    expect(pins.nix.default).toBe('2.35.3')
    expect(stdout).toContain('- Nix 2.36 is skipped, since it has no release.\n')
    const again = await update(contents, pins)
    expect(again).toMatchObject({ stdout: '', stderr: '' })
    expect(again.pins).toEqual(pins)
  })

  test('without a vulnerable default where another release has the fixes, and as it was where none has', async () => {
    const fixed = await update({ ...good(), '/': list('2.34.8', '2.35.3'), ...releases('2.34.8') })
    expect(fixed.pins.nix.default).toBe('2.35.3')
    const none = await update({ ...good(), '/': list('2.34.8', '2.35.2'), ...releases('2.34.8') })
    expect(none.pins.nix.default).toBe('2.34.7')
    expect(Object.keys(none.pins.nix.releases)).toEqual(['2.34.7', '2.34.8', '2.35.2'])
  })

  describe('with a row for a channel that has appeared, seven months long, and other rows as they are:', () => {
    const next = { '/nixos-26.11/git-revision': revision }
    const rows = { ...before.channelEnds, '26.11': '2027-06-30' }
    const sentence =
      '- nixos-26.11 is there, with security updates until 2027-06-30 by the rule of seven months; compare that with its announcement.\n'

    test.each([
      ['before its release, it is not the default', '2026-11-30', 'nixos-26.05'],
      ['from the month after its name on, it is', '2026-12-01', 'nixos-26.11'],
    ])('%s', async (_, today, channel) => {
      const { pins, stdout, stderr } = await update({ ...good(), ...next }, before, today)
      expect(stderr).toBe('')
      expect(pins.channelEnds).toEqual(rows)
      expect(pins.nixpkgs.channel).toBe(channel)
      expect(stdout).toContain(sentence)
    })

    test('of more than one at a time', async () => {
      const contents = { ...good(), ...next, '/nixos-27.05/git-revision': revision }
      expect((await update(contents)).pins.channelEnds).toEqual({ ...rows, '27.05': '2027-12-31' })
    })
  })
})

/** The hash of the archive, as Nix itself has it. */
const prefetched = async (): Promise<string> => {
  await using server = await startWebServer({ [archivePath]: bytes(() => archive) })
  const env = { ...process.env, PATH: pathWithNix(), NIX_CONF_DIR: nixConfigFolder }
  const hash = await output('nix-prefetch-url', ['--unpack', `${server.url}${archivePath}`], { env })
  return parseNarHash(`sha256:${hash.trim()}`, 'the hash')
}

describe('a bad answer is one sentence, and nothing is written:', () => {
  const status =
    (code: number): Content =>
    (_, response) =>
      response.writeHead(code).end()
  const cutOff =
    (content: string): Content =>
    (_, response) => {
      response.writeHead(200, { 'content-length': content.length + 100 })
      response.write(content, () => response.destroy())
    }
  const again = 'check that it is right, or run the job again.'
  const nix = tarballPath('2.34.9')

  test.each<[string, Record<string, Content>, string | RegExp]>([
    [
      'no channel',
      { [channelPath]: status(404) },
      `${channelPath} cannot be downloaded (the server answers 404); ${again}`,
    ],
    [
      'a channel that is out of order',
      { [channelPath]: status(503) },
      `${channelPath} cannot be downloaded (the server answers 503); ${again}`,
    ],
    ['no commit', { [channelPath]: '<html>' }, `${channelPath} answers no commit, but "<html>".`],
    [
      'a commit that is cut off',
      { [channelPath]: revision.slice(1) },
      `${channelPath} answers no commit, but "${revision.slice(1)}".`,
    ],
    [
      'a long page',
      { [channelPath]: 'x'.repeat(1000) },
      `${channelPath} answers no commit, but "${'x'.repeat(100)}…".`,
    ],
    [
      'a next channel that is out of order',
      { '/nixos-26.11/git-revision': status(503) },
      `/nixos-26.11/git-revision cannot be downloaded (the server answers 503); ${again}`,
    ],
    [
      'a next channel without a commit',
      { '/nixos-26.11/git-revision': '' },
      '/nixos-26.11/git-revision answers no commit, but "".',
    ],
    [
      'no archive',
      { [archivePath]: status(404) },
      `${archivePath} cannot be downloaded (the server answers 404); ${again}`,
    ],
    [
      'half an archive',
      { [archivePath]: bytes(() => archive.subarray(0, archive.length / 2)) },
      /^\S+\.tar\.gz cannot be unpacked \(.*\)\.$/,
    ],
    ['no archive but a page', { [archivePath]: '<html>' }, /^\S+\.tar\.gz cannot be unpacked \(.*\)\.$/],
    [
      'no list of releases',
      { '/': 'none' },
      '/?delimiter=/&prefix=nix/nix-2.34. answers no list of releases, but "none".',
    ],
    [
      'a release without a tarball',
      { [nix]: status(404) },
      `${nix} cannot be downloaded (the server answers 404); ${again}`,
    ],
    [
      'a release without a checksum',
      { [`${nix}.sha256`]: status(404) },
      `${nix}.sha256 cannot be downloaded (the server answers 404); ${again}`,
    ],
    ['a checksum that is none', { [`${nix}.sha256`]: '<html>' }, `${nix}.sha256 answers no SHA-256, but "<html>".`],
    [
      'another checksum',
      { [`${nix}.sha256`]: 'f'.repeat(64) },
      `${nix} has the SHA-256 ${sha256(tarballOf('2.34.9', 'x86_64-linux'))}, but ${'f'.repeat(64)} is published for it.`,
    ],
    [
      'a shorter tarball',
      { [nix]: 'Nix' },
      `${nix} has the SHA-256 ${sha256('Nix')}, but ${sha256(tarballOf('2.34.9', 'x86_64-linux'))} is published for it.`,
    ],
    [
      'a tarball that ends too early',
      { [nix]: cutOff('Nix') },
      /^\S+\.tar\.xz cannot be downloaded \(.+\); check that it is right, or run the job again\.$/,
    ],
    [
      'a tarball for one system only',
      { [tarballPath('2.35.3', 'aarch64-linux')]: status(404) },
      `${tarballPath('2.35.3', 'aarch64-linux')} cannot be downloaded (the server answers 404); ${again}`,
    ],
  ])('%s', async (_, bad, sentence) => {
    const { exitCode, stdout, stderr, text, left } = await update({ ...good(), ...bad })
    expect({ exitCode, stdout, left }).toEqual({ exitCode: 1, stdout: '', left: ['pins.json'] })
    expect(stderr).toMatch(/^[^\n]+\n$/)
    if (typeof sentence === 'string') expect(stderr.trim()).toBe(sentence)
    else expect(stderr.trim()).toMatch(sentence)
    expect(text).toBe(`${JSON.stringify(before, undefined, 2)}\n`)
  })

  test('an archive of another commit', async () => {
    await mkdir(join(folder.path, 'nixpkgs-other'))
    const other = await pack('nixpkgs-other')
    const { exitCode, stderr } = await update({ ...good(), [archivePath]: bytes(() => other) })
    expect(exitCode).toBe(1)
    expect(stderr).toBe(`${archivePath} should hold the folder nixpkgs-${revision}, but holds "nixpkgs-other".\n`)
  })
})
