import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { guardPrograms } from '../../src/nix/guard-programs.ts'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test("git runs in Nix's own clones, and in no other folder", async () => {
  await using folder = await temporaryFolder('guard')
  const cache = join(folder.path, "it's a cache")
  const clone = join(cache, 'nix', 'gitv3', 'x')
  for (const path of [clone, join(folder.path, 'temporary', 'nix-1-0')]) await mkdir(path, { recursive: true })
  const bin = join(folder.path, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'git'), '#!/bin/sh\necho "$PWD:" "$@"\n', { mode: 0o755 })
  const environment = { PATH: `relative:${bin}:/usr/bin:/bin`, HOME: folder.path, XDG_CACHE_HOME: cache }
  const programs = await guardPrograms({ ...environment, TMPDIR: join(folder.path, 'temporary') }, folder.path)
  const git = (...args: string[]) => run(join(programs, 'git'), args, { env: environment, cwd: clone })

  for (const args of [
    ['-C', clone, '--git-dir', '.', 'fetch', '--', 'https://host/x', 'a b'],
    ['-C', join(folder.path, '.cache', 'nix', 'y'), 'log'],
    ['-C', join(folder.path, 'temporary', 'nix-1-0'), 'checkout'],
    ['ls-remote', '--symref', 'file:///x'],
    ['-c', 'a=b', 'init', '--bare', clone],
  ])
    expect(await git(...args)).toMatchObject({ exitCode: 0, stdout: `/: ${args.join(' ')}\n` })

  for (const args of [
    ['-C', folder.path, 'archive'],
    ['-C', '.', '-C', folder.path, 'archive'],
    ['-C', join(cache, 'nix', '..', '..', 'checkout'), 'archive'],
    ['-C', `${cache}/nix/..`, 'archive'],
    ['-C', join(folder.path, 'temporary', 'nix-2-0'), 'archive'],
    [`--git-dir=${folder.path}`, 'archive'],
    ['--git-dir', folder.path, 'archive'],
    ['--work-tree', folder.path, 'status'],
  ])
    expect(await git(...args)).toEqual({
      exitCode: 128,
      stdout: '',
      stderr: 'fatal: git is not run in a folder, which may name programs to run\n',
    })
  expect(await run(join(programs, 'hg'), [], { env: environment })).toMatchObject({ exitCode: 1, stdout: '' })
})
