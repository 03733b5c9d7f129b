import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect } from 'vitest'
import { unpackRelease } from '../../src/nix/unpack.ts'
import { attack } from '../support/attack.ts'
import type { RaceResult } from '../support/install-race.ts'
import { nixReleaseTarball } from '../support/nix-release.ts'
import { need, output } from '../support/process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

let folder: TemporaryFolder
let server: WebServer
let release: { file: string; sha256: string }

beforeAll(async () => {
  folder = await temporaryFolder('installations')
  release = await nixReleaseTarball()
  server = await startWebServer({ '/nix.tar.xz': { file: release.file } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** Runs the race with an empty `/nix` that no other process sees. */
const race = async (count: number, rounds: number, moments: readonly number[]): Promise<RaceResult[]> => {
  const script = 'mount -t tmpfs -o mode=755 tmpfs /nix && exec "$@"'
  const program = join(import.meta.dirname, '..', 'support', 'install-race.ts')
  const text = await output(need('unshare', 'util-linux'), [
    ...['--mount', '--propagation', 'private', need('bash', 'bash'), '-c', script, 'bash', process.execPath, program],
    ...[`${count}`, `${rounds}`, moments.join(','), `${server.url}/nix.tar.xz`, release.sha256, folder.path],
  ])
  return JSON.parse(text)
}

const isWhole = ({ left, verified }: RaceResult): void => {
  expect(left).toEqual(['etc', 'store', 'var'])
  expect(verified.exitCode, verified.stderr).toBe(0)
  expect(verified.stderr).not.toMatch(/error|missing|modified|disappeared/)
}

attack('job of a branch', 'runner', 'eight installations at once on one machine, three times', async () => {
  for (const result of await race(8, 3, [])) {
    expect(new Set(result.outcomes.map((line) => line.replace(/\w{32}/, '')))).toEqual(
      new Set([expect.stringMatching(/^0: \/nix\/store\/-nix-[^/]+\/bin$/)]),
    )
    isWhole(result)
  }
  return false
})

attack('job of a branch', 'runner', 'releases of many paths that are unpacked at once', async () => {
  const name = 'nix-2.34.8-x86_64-linux'
  const source = join(folder.path, name)
  for (let index = 0; index < 300; index++) {
    const path = join(source, 'store', `${`${index}`.padStart(32, '0')}-x`)
    await mkdir(join(path, 'bin'), { recursive: true })
    await writeFile(join(path, 'bin', 'nix-store'), path, { mode: 0o555 })
    for (const part of [join(path, 'bin'), path]) await chmod(part, 0o555)
  }
  await writeFile(join(source, '.reginfo'), '')
  const tarball = join(folder.path, 'many.tar')
  await output('tar', ['--create', '--file', tarball, '--directory', folder.path, name])
  const root = join(folder.path, 'root')
  await mkdir(root)
  const environment = { PATH: process.env['PATH'] ?? '' }
  for (let round = 0; round < 3; round++) {
    await output('chmod', ['-R', 'u+w', root])
    await rm(join(root, 'store'), { recursive: true, force: true })
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { signal } = new AbortController()
        const { remove } = await unpackRelease(tarball, 'x86_64-linux', root, { environment, signal })
        await remove()
      }),
    )
    expect(await readdir(root)).toEqual(['store'])
    for (const path of await readdir(join(root, 'store')))
      expect((await stat(join(root, 'store', path))).mode & 0o777).toBe(0o555)
    expect(await readdir(join(root, 'store'))).toHaveLength(300)
  }
  await output('chmod', ['-R', 'u+w', root, source])
  return false
})

attack('job of a branch', 'runner', 'installations that are killed at any moment', async () => {
  const moments = fc.sample(fc.integer({ min: 150, max: 3000 }), { numRuns: 12, seed: 12 })
  const [result] = await race(0, 0, moments)
  if (!result) throw new Error('nothing came out')
  expect(result.outcomes).toEqual([expect.stringMatching(/^0: \/nix\/store\/\S+\/bin$/)])
  isWhole(result)
  return false
})
