import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../support/action.ts'
import { type Finished, run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Runs `npm run build -- out` in a copy of the files that make libdeflate. Returns what it left in `out`. */
const build = async (
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<Finished & { readonly made: string[] }> => {
  for (const name of ['package.json', 'deflate', 'scripts']) await cp(join(root, name), join(folder, name), copy)
  const out = join(folder, 'out')
  await mkdir(out)
  const env = { ...process.env, ...environment }
  const finished = await run(process.execPath, [join(folder, 'scripts', 'build.ts'), out], { env })
  return { ...finished, made: await readdir(out) }
}
// Files that a test has put there stay.
const copy = { recursive: true, force: false }

test('a build that cannot fetch libdeflate says so, and makes nothing', async () => {
  await using temporary = await temporaryFolder('build')
  const nowhere = {
    CARGO_HOME: join(temporary.path, 'cargo'),
    CARGO_HTTP_PROXY: 'http://127.0.0.1:1',
    CARGO_NET_RETRY: '0',
  }
  expect(await build(temporary.path, nowhere)).toEqual({
    stdout: '',
    stderr: expect.stringMatching(
      /^The source of libdeflate cannot be fetched from crates\.io; cargo says: .*connect to server.*\n$/,
    ),
    exitCode: 1,
    made: [],
  })
})

test('a build refuses a libdeflate with another hash than that of the lock file', async () => {
  await using temporary = await temporaryFolder('build')
  const lock = await readFile(join(root, 'deflate', 'Cargo.lock'), 'utf8')
  const [, checksum = ''] = /name = "libdeflate-sys"[^[]*checksum = "(\w+)"/.exec(lock) ?? []
  await mkdir(join(temporary.path, 'deflate'))
  await writeFile(join(temporary.path, 'deflate', 'Cargo.lock'), lock.replace(checksum, '0'.repeat(64)))
  expect(await build(temporary.path, {})).toEqual({
    stdout: '',
    stderr: expect.stringMatching(
      /^The source of libdeflate cannot be fetched from crates\.io; cargo says: checksum for `libdeflate-sys v.*` changed.*\n$/,
    ),
    exitCode: 1,
    made: [],
  })
})

test('a build without a compiler says how to install it', async () => {
  await using temporary = await temporaryFolder('build')
  expect(await build(temporary.path, { PATH: temporary.path })).toEqual({
    stdout: '',
    stderr: 'cargo is not installed; run `bash test/install-packages.sh`.\n',
    exitCode: 1,
    made: [],
  })
})
