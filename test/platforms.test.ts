import { execFileSync } from 'node:child_process'
import { cp, lstat, mkdtemp, readdir, readlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAction, type StepResult } from './support/action.ts'
import { unpackImage } from './support/container.ts'
import { readBill, storePathsOf } from './support/cyclonedx.ts'
import { debianSet } from './support/debian-set.ts'
import { output } from './support/process.ts'
import { manifestDigest, type Registry, startRegistry, tags } from './support/registry.ts'

/**
 * Debian's packages for one architecture, unpacked and patched on the other, stand for a set that is cross-compiled.
 */
const both = 'linux/amd64, linux/arm64'
const inputs = { packages: 'jq', tags: 'v1', platforms: both }
const crossBuild = { 'nix-config': 'extra-platforms = x86_64-linux aarch64-linux' }

let registry: Registry
let step: StepResult
let nixpkgs: string

beforeAll(async () => {
  registry = await startRegistry()
  nixpkgs = await debianSet({ architectures: ['amd64', 'arm64'] })
  step = await runAction({
    ...inputs,
    ...crossBuild,
    nixpkgs,
    preset: 'job-container',
    'compression-level': '1',
    image: `${registry.host}/both`,
    annotations: 'org.opencontainers.image.title=both\nindex:of=the index\nmanifest:of=an image',
  })
  expect(step.exitCode, step.log).toBe(0)
}, 300_000)
afterAll(() => registry.stop())

describe('two platforms are one image index', () => {
  test('under the digest that the registry gives', async () => {
    expect(step.outputs['digest']).toBe(await manifestDigest(registry, 'both', 'v1'))
    expect(await tags(registry, 'both')).toEqual(['v1'])
  })

  test('which lists both', async () => {
    const index = JSON.parse(
      await output('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/both:v1`]),
    )
    expect(index.mediaType).toBe('application/vnd.oci.image.index.v1+json')
    expect(index.manifests.map(({ platform }: { platform: unknown }) => platform)).toEqual([
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm64', os: 'linux' },
    ])
    const common = {
      'org.opencontainers.image.source': 'https://github.com/Owner/Repository',
      'org.opencontainers.image.title': 'both',
    }
    expect(index.annotations).toEqual({ of: 'the index', ...common })
    for (const { digest } of index.manifests) {
      const child = await output('skopeo', [
        'inspect',
        '--raw',
        '--tls-verify=false',
        `docker://${registry.host}/both@${digest}`,
      ])
      expect(JSON.parse(child).annotations).toEqual({ of: 'an image', ...common })
    }
    const { platforms } = JSON.parse(step.outputs['metadata'] ?? '')
    expect(platforms.map(({ digest }: { digest: string }) => digest)).toEqual(
      index.manifests.map(({ digest }: { digest: string }) => digest),
    )
  })

  test.each([
    ['amd64', 'x86-64', 'lib64/ld-linux-x86-64.so.2'],
    ['arm64', 'ARM aarch64', 'lib/ld-linux-aarch64.so.1'],
  ])('whose programs for %s are for %s, and whose loader is /%s', async (architecture, machine, loader) => {
    await using image = await unpackImage(`docker://${registry.host}/both:v1`, { architecture })
    expect(image.config).toMatchObject({ architecture, os: 'linux' })
    const [program = ''] = execFileSync('find', [`${image.rootfs}/nix/store`, '-path', '*/bin/jq'], {
      encoding: 'utf8',
    }).split('\n')
    expect(await output('file', ['--brief', program])).toContain(machine)

    const nixLd = await readlink(join(image.rootfs, loader))
    expect(nixLd).toMatch(/^\/nix\/store\/\w{32}-nix-ld-[^/]+\/libexec\/nix-ld$/)
    await lstat(join(image.rootfs, nixLd))
    const variable = (name: string): string =>
      image.config.config?.Env?.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
    const libraries = variable('NIX_LD_LIBRARY_PATH').split(':')
    expect(variable('NIX_LD')).toBe(join(libraries[0] ?? '', basename(loader)))
    const found = await Promise.all(libraries.map((folder) => readdir(join(image.rootfs, folder))))
    for (const name of [basename(loader), 'libc.so.6', 'libstdc++.so.6', 'libgcc_s.so.1'])
      expect(found.flat()).toContain(name)
  })

  test('and children are there before the index, and the index before the tag', () => {
    const manifests = registry
      .requests()
      .filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'))
      .map(({ path }) => path.slice('/v2/both/manifests/'.length))
    const { platforms, digest } = JSON.parse(step.outputs['metadata'] ?? '')
    expect(manifests).toEqual([...platforms.map((platform: { digest: string }) => platform.digest), digest, 'v1'])
  })

  test('whose bill of materials is about the index, and has the store paths of both', async () => {
    type Platforms = { platforms: { layers: { storePaths: string[] }[] }[] }
    const { platforms } = JSON.parse(step.metadataFile) as Platforms
    const bill = await readBill(step.sbom)
    expect(bill.metadata.component['bom-ref']).toBe(step.outputs['ref'])
    expect(storePathsOf(bill)).toEqual(
      [...new Set(platforms.flatMap(({ layers }) => layers.flatMap(({ storePaths }) => storePaths)))].toSorted(),
    )
  })
})

test('what cannot be built here says which package and why, and nothing is pushed', async () => {
  const { errors, exitCode } = await runAction({ ...inputs, packages: 'tree', nixpkgs, image: `${registry.host}/one` })
  expect(exitCode).toBe(1)
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatch(
    /(aarch64|x86_64)-linux' with features .*; build on a runner of that architecture, or name a substituter that has it in `nix-config`\.$/,
  )
  expect(await tags(registry, 'one')).toEqual([])
})

test('a package set that does not pass the system on is refused', async () => {
  const { errors, exitCode } = await runAction({
    ...inputs,
    nixpkgs: await wrongSystem(),
    packages: 'jq',
    platforms: process.arch === 'x64' ? 'linux/arm64' : 'linux/amd64',
    image: `${registry.host}/wrong`,
  })
  expect(exitCode).toBe(1)
  expect(errors[0]).toMatch(
    /^\/bin\/\S+ is a program for (amd64|arm64), but the image is for linux\/(amd64|arm64); let the package set use the `system` that it is given\.$/,
  )
  expect(await tags(registry, 'wrong')).toEqual([])
})

/** A set with the same packages, always for this machine. */
const wrongSystem = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  await cp(nixpkgs, join(folder, 'set'), { recursive: true })
  const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'
  await writeFile(join(folder, 'default.nix'), `arguments: import ./set (arguments // { system = "${system}"; })`)
  return folder
}
