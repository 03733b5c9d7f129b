import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAction, type StepOptions, type StepResult } from './support/action.ts'
import { startContainerd } from './support/containerd.ts'
import { debianSet } from './support/debian-set.ts'
import { type DockerEngine, startDockerEngine } from './support/docker-engine.ts'
import { modest, ownPodman } from './support/podman.ts'
import { need, output } from './support/process.ts'
import { type TemporaryFolder, temporaryFolder } from './support/temporary-folder.ts'

const name = 'registry.example.org/owner/tools'
const names = [`${name}:latest`, `${name}:v1`]

let folder: TemporaryFolder
let engine: DockerEngine
const at = (file: string): string => join(folder.path, file)

const make = async (
  file: string,
  inputs: Record<string, string> = {},
  options: StepOptions = {},
): Promise<StepResult> => {
  const common = {
    packages: 'hello',
    nixpkgs: await debianSet(),
    image: name,
    tags: 'v1, latest',
    push: 'false',
    preset: 'bare',
  }
  const step = await runAction({ ...common, output: at(file), ...inputs }, options)
  expect(step.exitCode, step.log).toBe(0)
  expect(step.outputs['output']).toBe(at(file))
  return step
}

let made: StepResult
beforeAll(async () => {
  folder = await temporaryFolder('loaded')
  engine = await startDockerEngine()
  made = await make('image.tar')
  await make('image')
}, 300_000)
afterAll(async () => {
  await engine.stop()
  await folder[Symbol.asyncDispose]()
})

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

/**
 * The names and IDs in a Docker engine without images, after it has loaded an archive; it has none afterwards. The ID
 * is the digest of the configuration, or of what the tags name where Docker uses containerd's image store.
 */
const loadedByDocker = async (archive: string): Promise<string[]> => {
  const { exitCode, stderr } = await engine.docker(['load', '--input', archive])
  expect(exitCode, stderr).toBe(0)
  const format = '{{.Repository}}:{{.Tag}} {{.ID}}'
  const found = linesOf((await engine.docker(['images', '--no-trunc', '--format', format])).stdout)
  await engine.docker(['rmi', '--force', ...found.map((line) => line.split(' ')[0] ?? '')])
  return found.toSorted()
}

const named = (digest: string | undefined): string[] => names.map((each) => `${each} ${digest}`)

test('Docker loads the archive under all its names, and runs it', async () => {
  const { digest, 'config-digest': id } = made.outputs
  expect([named(id), named(digest)]).toContainEqual(await loadedByDocker(at('image.tar')))
  await engine.docker(['load', '--input', at('image.tar')])
  const { stdout, stderr } = await engine.docker(['run', '--rm', '--network', 'none', `${name}:v1`, 'hello'])
  expect(stdout, stderr).toBe('Hello, world!\n')
  await engine.docker(['rmi', '--force', ...names])
})

const imported = async (archive: string): Promise<string[]> => {
  await using containerd = await startContainerd()
  const native = ['--snapshotter', 'native']
  const { exitCode, stderr } = await containerd.ctr(['images', 'import', ...native, archive])
  expect(exitCode, stderr).toBe(0)
  const ran = await containerd.ctr(['run', '--rm', ...native, `${name}:latest`, 'tools', '/bin/hello'])
  expect(ran.stdout, ran.stderr).toBe('Hello, world!\n')
  const [, ...lines] = linesOf((await containerd.ctr(['images', 'list'])).stdout)
  return lines.map((line) => line.split(/\s+/)).map(([ref, , digest]) => `${ref} ${digest}`)
}

test('containerd imports the archive under all its names, and runs it', async () => {
  expect((await imported(at('image.tar'))).toSorted()).toEqual(named(made.outputs['digest']))
})

const loadedByPodman = async (archive: string, runs: boolean): Promise<string[]> => {
  await using own = await ownPodman()
  const loaded = await own.podman(['load', '--input', archive])
  expect(loaded.exitCode, loaded.stderr).toBe(0)
  if (runs) {
    const { stdout, stderr } = await own.podman(['run', '--rm', ...modest, `${name}:latest`, 'hello'])
    expect(stdout, stderr).toBe('Hello, world!\n')
  }
  const images = await own.podman(['images', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}'])
  return linesOf(images.stdout).toSorted()
}

test('Podman loads the archive under all its names, and runs it', async () => {
  expect(await loadedByPodman(at('image.tar'), true)).toEqual(named(made.outputs['config-digest']))
})

test('Podman loads an archive with one tag under its name', async () => {
  const step = await make('one.tar', { tags: 'v1' })
  expect(await loadedByPodman(at('one.tar'), false)).toEqual([`${name}:v1 ${step.outputs['config-digest']}`])
})

test('Docker, containerd and Podman load what tar makes of the folder, too', async () => {
  const archive = at('of-folder.tar')
  await output('tar', ['--create', '--file', archive, '--directory', at('image'), '.'])
  const { digest, 'config-digest': id } = made.outputs
  expect([named(id), named(digest)]).toContainEqual(await loadedByDocker(archive))
  expect((await imported(archive)).toSorted()).toEqual(named(digest))
  expect(await loadedByPodman(archive, false)).toEqual(named(id))
})

/** The digest of the configuration of what skopeo copies. */
const copied = async (source: string, options: readonly string[] = []): Promise<string> => {
  await using target = await temporaryFolder('copied')
  const skopeo = need('skopeo', 'skopeo')
  await output(skopeo, ['--insecure-policy', ...options, 'copy', '--quiet', source, `dir:${target.path}`])
  const manifest: { config: { digest: string } } = JSON.parse(
    await readFile(join(target.path, 'manifest.json'), 'utf8'),
  )
  return manifest.config.digest
}

test('skopeo copies folder and archive by each tag, and the archive as Docker’s by each name', async () => {
  for (const tag of ['v1', 'latest'])
    for (const source of [
      `oci:${at('image')}:${tag}`,
      `oci-archive:${at('image.tar')}:${tag}`,
      `docker-archive:${at('image.tar')}:${name}:${tag}`,
    ])
      expect(await copied(source), source).toBe(made.outputs['config-digest'])
})

test('umoci lists the tags of the folder, and unpacks each', async () => {
  const umoci = need('umoci', 'umoci')
  expect(linesOf(await output(umoci, ['list', '--layout', at('image')]))).toEqual(['v1', 'latest'])
  for (const tag of ['v1', 'latest']) {
    const rootfs = at(`unpacked-${tag}`)
    await mkdir(rootfs)
    await output(umoci, ['raw', 'unpack', '--image', `${at('image')}:${tag}`, rootfs])
    expect(await readdir(join(rootfs, 'bin'))).toContain('hello')
  }
})

test('the same image is the same archive, also on fewer cores, in another time zone and with another umask', async () => {
  const wrapper = ['bash', '-c', 'umask 077; exec taskset --cpu-list 0 "$@"', '-']
  await make('again.tar', {}, { wrapper, environment: { TZ: 'Pacific/Kiritimati' } })
  expect((await readFile(at('again.tar'))).equals(await readFile(at('image.tar')))).toBe(true)
})

test.each(['zstd', 'none'])('an archive of layers with compression %s is loaded too', async (compression) => {
  const archive = `${compression}.tar`
  const step = await make(archive, { compression })
  const { digest, 'config-digest': id } = step.outputs
  expect(await loadedByPodman(at(archive), false)).toEqual(named(id))
  expect((await imported(at(archive))).toSorted()).toEqual(named(digest))
  expect(await copied(`oci-archive:${at(archive)}:v1`)).toBe(id)
  // Docker reads zstd from version 23 on, see its release notes.
  const version = (await engine.docker(['version', '--format', '{{.Server.Version}}'])).stdout
  if (compression === 'zstd' && Number.parseInt(version, 10) < 23) {
    const { exitCode, stderr } = await engine.docker(['load', '--input', at(archive)])
    expect(exitCode).toBe(1)
    expect(stderr).toContain('invalid tar header')
  } else expect([named(id), named(digest)]).toContainEqual(await loadedByDocker(at(archive)))
})

describe('an archive of two platforms', () => {
  let both: StepResult
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const idOf = (platform: string): string =>
    JSON.parse(both.metadataFile).platforms.find((each: { platform: string }) => each.platform === platform)
      ?.configDigest

  beforeAll(async () => {
    both = await make('both.tar', {
      nixpkgs: await debianSet({ architectures: ['amd64', 'arm64'] }),
      platforms: 'linux/amd64, linux/arm64',
      'nix-config': 'extra-platforms = x86_64-linux aarch64-linux',
    })
  }, 300_000)

  test('is loaded by Docker and Podman with the image of this machine', async () => {
    const own = named(idOf(`linux/${architecture}`))
    expect([own, named(both.outputs['digest'])]).toContainEqual(await loadedByDocker(at('both.tar')))
    expect(await loadedByPodman(at('both.tar'), true)).toEqual(own)
  })

  test('is imported by containerd as a whole', async () => {
    expect((await imported(at('both.tar'))).toSorted()).toEqual(named(both.outputs['digest']))
  })

  test('is copied by skopeo for each of them', async () => {
    const source = `oci-archive:${at('both.tar')}:latest`
    for (const each of ['amd64', 'arm64'])
      expect(await copied(source, ['--override-arch', each])).toBe(idOf(`linux/${each}`))
  })
})
