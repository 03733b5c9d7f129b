import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStaging } from '../../src/nix/staging.ts'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const options = { environment: { PATH: process.env['PATH'] ?? '' }, signal: new AbortController().signal }

test('a folder is there until it is removed, and another one beside it', async () => {
  await using root = await temporaryFolder('staging')
  const first = await openStaging(root.path, options)
  await writeFile(join(first.path, 'file'), 'text')
  const second = await openStaging(root.path, options)
  expect(await readdir(first.path)).toEqual(['file'])
  await first.remove()
  await second.remove()
  expect(await readdir(root.path)).toEqual([])
})

test('what a killed process left is removed, with what may not be written to, and nothing else', async () => {
  await using root = await temporaryFolder('staging')
  const program = `
    import { chmod, mkdir } from 'node:fs/promises'
    import { openStaging } from ${JSON.stringify(join(import.meta.dirname, '..', '..', 'src', 'nix', 'staging.ts'))}
    const { path } = await openStaging(process.argv[1], { environment: process.env, signal: new AbortController().signal })
    await mkdir(path + '/store/path', { recursive: true })
    await chmod(path + '/store', 0o555)
    process.kill(process.pid, 'SIGKILL')
  `
  const killed = await run(process.execPath, ['--input-type=module', '--eval', program, '--', root.path])
  expect(killed.exitCode, killed.stderr).toBe(137)
  expect(await readdir(root.path)).toHaveLength(1)
  await mkdir(join(root.path, 'store'))
  const { remove } = await openStaging(root.path, options)
  expect(await readdir(root.path)).toHaveLength(2)
  await remove()
  expect(await readdir(root.path)).toEqual(['store'])
})

test('a folder that does not say whose it is goes when it is old', async () => {
  await using root = await temporaryFolder('staging')
  const names = ['old', 'new-old', 'young', 'new-young'].map((name) => `.nix-image-action-${name}`)
  for (const name of names) {
    await mkdir(join(root.path, name))
    if (name.endsWith('old')) await utimes(join(root.path, name), 1, Date.now() / 1000 - 700)
  }
  const { remove } = await openStaging(root.path, options)
  await remove()
  expect(await readdir(root.path)).toEqual(['.nix-image-action-new-young', '.nix-image-action-young'])
})

test("another process's folder stays, however old", async () => {
  await using root = await temporaryFolder('staging')
  const other = join(root.path, '.nix-image-action-other')
  await mkdir(other)
  const server = createServer().listen(join(other, 'in-use'))
  await utimes(other, 1, 1)
  const { remove } = await openStaging(root.path, options)
  await remove()
  expect(await readdir(root.path)).toEqual(['.nix-image-action-other'])
  server.close()
})
