import { access, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { unpackImage } from './container.ts'
import { startDockerEngine } from './docker-engine.ts'
import { need, output, run } from './process.ts'
import { manifestDigest, type Registry, reader, startRegistry, tags } from './registry.ts'
import { writeShellImage } from './shell-image.ts'
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts'

const config = { Cmd: ['/bin/sh', '-c', 'echo default $WHO'], Env: ['PATH=/bin', 'WHO=image'] }

let folder: TemporaryFolder
let layout: string
let digest: string

beforeAll(async () => {
  folder = await temporaryFolder('support-test')
  layout = join(folder.path, 'shell')
  digest = await writeShellImage(layout, ['one', 'two'], { config })
})
afterAll(() => folder[Symbol.asyncDispose]())

const push = (registry: Registry, reference: string, who: { username: string; password: string } | undefined) =>
  run(need('skopeo', 'skopeo'), [
    ...['--insecure-policy', 'copy', '--dest-tls-verify=false', '--preserve-digests'],
    ...(who ? ['--dest-creds', `${who.username}:${who.password}`] : ['--dest-no-creds']),
    ...[`oci:${layout}:one`, `docker://${registry.host}/${reference}`],
  ])

describe('a registry', () => {
  test.for([undefined, 'basic', 'token'] as const)('with auth %s takes an image and gives it back', async (auth) => {
    await using registry = await startRegistry(auth && { auth })
    expect(registry.host).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(await tags(registry, 'some/tools')).toEqual([])
    expect(await push(registry, 'some/tools:b', auth && registry)).toMatchObject({ exitCode: 0 })
    expect(await push(registry, 'some/tools:a', auth && registry)).toMatchObject({ exitCode: 0 })
    expect(await tags(registry, 'some/tools')).toEqual(['a', 'b'])
    expect(await manifestDigest(registry, 'some/tools', 'a')).toBe(digest)
    expect(await manifestDigest(registry, 'some/tools', 'c')).toBeUndefined()
    const put = registry.requests().filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'))
    expect(put).toEqual([
      { method: 'PUT', path: '/v2/some/tools/manifests/b', status: 201 },
      { method: 'PUT', path: '/v2/some/tools/manifests/a', status: 201 },
    ])

    await using container = await unpackImage(
      `docker://${registry.host}/some/tools:a`,
      auth ? { credentials: auth === 'token' ? reader : registry } : {},
    )
    expect(await container.run()).toEqual({ stdout: 'default image\n', stderr: '', exitCode: 0 })
  })

  test.for(['basic', 'token'] as const)('with auth %s refuses strangers', async (auth) => {
    await using registry = await startRegistry({ auth })
    for (const who of [undefined, { ...registry, password: 'wrong' }, { ...registry, username: 'nobody' }])
      expect((await push(registry, 'tools:a', who)).exitCode).not.toBe(0)
    expect(await tags(registry, 'tools')).toEqual([])
  })

  test('does not let a reader push', async () => {
    await using registry = await startRegistry({ auth: 'token' })
    const { exitCode, stderr } = await push(registry, 'tools:a', reader)
    expect(exitCode).not.toBe(0)
    expect(stderr).toMatch(/denied|403/i)
  })

  test('logs only what others asked', async () => {
    await using registry = await startRegistry()
    await tags(registry, 'tools')
    expect(registry.requests()).toEqual([])
    await fetch(`http://${registry.host}/v2/tools/tags/list?n=1`)
    expect(registry.requests()).toEqual([{ method: 'GET', path: '/v2/tools/tags/list?n=1', status: 404 }])
  })

  test('is gone once stopped', async () => {
    const registry = await startRegistry()
    await registry.stop()
    await expect(fetch(`http://${registry.host}/v2/`)).rejects.toThrow()
    await registry.stop()
  })
})

describe('a container', () => {
  test('runs what it is told, as whom it is told', async () => {
    await using container = await unpackImage(`oci:${layout}`)
    expect(container.config).toMatchObject({ os: 'linux', config })
    await access(join(container.rootfs, 'bin/sh'))
    const env = { WHO: 'test' }
    const [shown, failed, missing, other] = await Promise.all([
      container.run(['sh', '-c', 'echo $WHO; echo no >&2'], { env }),
      container.run(['sh', '-c', 'exit 7']),
      container.run(['not-there']),
      container.run(['-c', 'umask; >/file'], { user: '1001:118', entrypoint: ['/bin/sh'] }),
    ])
    expect(shown).toEqual({ stdout: 'test\n', stderr: 'no\n', exitCode: 0 })
    expect(failed).toMatchObject({ exitCode: 7 })
    expect(missing.exitCode).not.toBe(0)
    expect(missing.stderr).toContain('not-there')
    expect(other).toMatchObject({ stdout: '0022\n', exitCode: 2, stderr: expect.stringContaining('Permission denied') })
  })

  test('can be made from zstd layers and from an index', async () => {
    const both = join(folder.path, 'both')
    await writeShellImage(both, ['all'], { config, compression: 'zstd', architectures: ['amd64', 'arm64'] })
    await using container = await unpackImage(`oci:${both}:all`, { architecture: 'arm64' })
    expect(container.config.architecture).toBe('arm64')
    expect(await container.run()).toMatchObject({ stdout: 'default image\n' })
  })

  test('leaves nothing behind', async () => {
    const container = await unpackImage(`oci:${layout}:two`)
    const endless = container.run(['sh', '-c', 'echo up; while :; do :; done'])
    await expect.poll(() => readdir(join(container.rootfs, '..', 'runc')).catch(() => [])).toHaveLength(1)
    await container[Symbol.asyncDispose]()
    expect(await endless).toMatchObject({ exitCode: 137 })
    await expect(access(container.rootfs)).rejects.toThrow()
  })
})

test('a Docker engine pulls from loopback and runs', async () => {
  await using registry = await startRegistry({ auth: 'token' })
  expect(await push(registry, 'tools:a', registry)).toMatchObject({ exitCode: 0 })
  const engine = await startDockerEngine()
  const dataFolder = (await engine.docker(['info', '--format', '{{.DockerRootDir}}'])).stdout.trim()
  try {
    const login = ['login', '--username', registry.username, '--password-stdin', registry.host]
    expect(await engine.docker(login, { input: registry.password })).toMatchObject({ exitCode: 0 })
    const image = `${registry.host}/tools:a`
    expect(await engine.docker(['run', image])).toMatchObject({ stdout: 'default image\n', exitCode: 0 })
    expect(await engine.docker(['run', image, 'sh', '-c', 'exit 7'])).toMatchObject({ exitCode: 7 })
    const forever = ['run', '--detach', image, 'sh', '-c', 'while :; do :; done']
    expect(await engine.docker(forever)).toMatchObject({ exitCode: 0 })
  } finally {
    await engine.stop()
  }
  await expect(access(dirname(dataFolder))).rejects.toThrow()
  expect(await output(need('mount', 'mount'), [])).not.toContain(dirname(dataFolder))
}, 30_000)

test('a missing program is named with its package', () => {
  expect(() => need('not-there', 'some-package')).toThrow(
    'The tests need not-there, which is not installed: run `apt-get install some-package`.',
  )
})
