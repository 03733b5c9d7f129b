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
