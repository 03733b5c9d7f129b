import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runAction, type StepOptions } from './support/action.ts'
import { debianSet } from './support/debian-set.ts'
import { need } from './support/process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

let nixpkgs: string
let usual: Made
type Made = { readonly digest: string | undefined; readonly sbom: string }
const make = async (options: StepOptions = {}, compression = 'gzip'): Promise<Made> => {
  const { outputs, sbom, exitCode, log } = await runAction(
    { packages: 'hello jq coreutils', nixpkgs, push: 'false', compression },
    options,
  )
  expect(exitCode, log).toBe(0)
  return { digest: outputs['digest'], sbom }
}

beforeAll(async () => {
  nixpkgs = await debianSet()
  usual = await make()
})

test.each<[string, () => StepOptions]>([
  ['umask', () => ({ wrapper: ['bash', '-c', 'umask 077; exec "$@"', '-'] })],
  ['working directory', () => ({ wrapper: ['bash', '-c', 'cd /usr; exec "$@"', '-'] })],
  ['number of cores', () => ({ wrapper: [need('taskset', 'util-linux'), '--cpu-list', '0'] })],
  ['time zone', () => ({ environment: { TZ: 'Pacific/Kiritimati' } })],
  ['locale', () => ({ environment: { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } })],
  ['size of the thread pool', () => ({ environment: { UV_THREADPOOL_SIZE: '13' } })],
  ['owner of the store’s files', () => ({ wrapper: [need('unshare', 'util-linux'), '--user', '--map-root-user'] })],
])('another %s gives the same digest and bill of materials', async (_, options) => {
  expect(await make(options())).toEqual(usual)
})

test.each<[string, () => StepOptions]>([
  ['number of cores', () => ({ wrapper: [need('taskset', 'util-linux'), '--cpu-list', '0'] })],
  ['size of the thread pool', () => ({ environment: { UV_THREADPOOL_SIZE: '13' } })],
])('another %s gives the same digest with zstd too', async (_, options) => {
  expect((await make(options(), 'zstd')).digest).toBe((await make({}, 'zstd')).digest)
})

test('a disk for the image layout that fills up says how much space is needed', async () => {
  await using folder = await temporaryFolder('output')
  const mount = `mount -t tmpfs -o size=2M tmpfs ${folder.path}; exec "$@"`
  const { exitCode, errors } = await runAction(
    { packages: 'jq coreutils', nixpkgs, push: 'false', output: folder.path },
    { wrapper: ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', mount, '-'] },
  )
  expect(exitCode).toBe(1)
  expect(errors).toEqual([
    expect.stringMatching(
      /^There is no space left for `output` in \S+, where \d+\.\d+ MB more are needed for this part of the image alone; free some on that disk, or name a folder on another one\.$/,
    ),
  ])
})

test('a disk that fills up with the archive says how much space is needed, and keeps nothing of it', async () => {
  await using folder = await temporaryFolder('output')
  const file = join(folder.path, 'image.tar')
  const mount = `mount -t tmpfs -o size=2M tmpfs ${folder.path}; "$@"; code=$?; ls -A ${folder.path}; exit $code`
  const { exitCode, errors, log } = await runAction(
    { packages: 'jq coreutils', nixpkgs, push: 'false', output: file },
    { wrapper: ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', mount, '-'] },
  )
  expect(exitCode).toBe(1)
  expect(errors).toEqual([
    expect.stringMatching(
      /^There is no space left for `output` in \S+, where \d+\.\d MB are needed for image\.tar; free some on that disk, or name a file on another one\.$/,
    ),
  ])
  expect(log.trimEnd().split('\n').at(-1)).toMatch(/^::error::/)
})

test('the disk of the runner need not have room for all layers twice', async () => {
  await using folder = await temporaryFolder('output')
  const size = async (): Promise<number> => (await stat(join(folder.path, 'image.tar'))).size
  const inputs = { packages: 'hello jq coreutils', nixpkgs, push: 'false', output: join(folder.path, 'image.tar') }
  expect((await runAction(inputs)).exitCode).toBe(0)
  const room = Math.round((await size()) * 1.7)
  // The temporary folder of the runner and the archive are on one disk, which is gone when the step has ended.
  await using temporary = await temporaryFolder('runner')
  const mount = `mount -t tmpfs -o size=${room} tmpfs "$RUNNER_TEMP"`
  const after = `ls -A "$RUNNER_TEMP/out"; cp "$RUNNER_TEMP"/*.json "$0"; umount "$RUNNER_TEMP"; cp "$0"/*.json "$RUNNER_TEMP"`
  const script = `${mount}; "$@"; code=$?; ${after}; exit $code`
  const { exitCode, log } = await runAction(
    { ...inputs, output: join(temporary.path, 'out', 'image.tar') },
    {
      environment: { RUNNER_TEMP: temporary.path },
      wrapper: ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script, folder.path],
    },
  )
  expect(exitCode, log).toBe(0)
  expect(log.trimEnd().split('\n').at(-1)).toBe('image.tar')
})

test.each([
  [
    'that fills up',
    '5M',
    // Which of the two sentences it is depends on which layer is finished first.
    /^There (is no space left in \S+ to pack the layers; up to \d+\.\d MB are needed\. Free|are \d+\.\d+ MB free in \S+, and up to \d+\.\d MB are needed there to pack a layer; free) some on the disk of the runner\.$/,
  ],
  [
    'that is all but full',
    '1M',
    /^There are \d+\.\d+ MB free in \S+, and up to \d+\.\d MB are needed there to pack a layer; free some on the disk of the runner\.$/,
  ],
])('a disk %s says how much space is needed, and leaves nothing behind', async (_, size, sentence) => {
  const mount = `mount -t tmpfs -o size=${size} tmpfs "$RUNNER_TEMP"; "$@"; code=$?; ls -A "$RUNNER_TEMP"; exit $code`
  const { exitCode, errors, log } = await runAction(
    { packages: 'jq coreutils', nixpkgs, push: 'false' },
    { wrapper: ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', mount, '-'] },
  )
  expect(exitCode).toBe(1)
  expect(errors).toEqual([expect.stringMatching(sentence)])
  expect(log.trimEnd().split('\n').at(-1)).toMatch(/^::error::/)
})
