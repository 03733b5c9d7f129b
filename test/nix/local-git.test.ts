import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readLocalGit, withCommit } from '../../src/nix/local-git.ts'
import { gitEnvironment, gitIn } from '../support/hostile-git.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let folder: TemporaryFolder
let home: string
let first: string
let second: string
let set: string
let git: ReturnType<typeof gitIn>
beforeAll(async () => {
  folder = await temporaryFolder('local-git')
  home = join(folder.path, 'home')
  set = join(folder.path, 'set')
  for (const path of [home, set, join(folder.path, 'run')]) await mkdir(path)
  // Settings of the user, which must make no difference.
  await writeFile(
    join(home, '.gitconfig'),
    `[core]\n  autocrlf = true\n  attributesFile = ${home}/attributes\n[filter "loud"]\n  smudge = tr a-z A-Z\n  clean = cat\n`,
  )
  await writeFile(join(home, 'attributes'), '* filter=loud\n')
  git = gitIn(set, folder.path)
  await git('init', '--quiet', '--initial-branch', 'main')
  await writeFile(join(set, 'default.nix'), 'one\n')
  await writeFile(join(set, 'left-out'), '')
  await writeFile(join(set, '.gitattributes'), 'left-out export-ignore\n')
  await git('add', '.')
  await git('commit', '--quiet', '--message', 'one')
  first = await git('rev-parse', 'HEAD')
  await git('tag', 'v1', '--annotate', '--message', 'm')
  await git('branch', 'release/1')
  await writeFile(join(set, 'default.nix'), 'two\n')
  await git('commit', '--quiet', '--all', '--message', 'two')
  second = await git('rev-parse', 'HEAD')
})
afterAll(() => folder[Symbol.asyncDispose]())

const tools = () => ({
  environment: gitEnvironment(home),
  temporary: join(folder.path, 'run'),
  signal: new AbortController().signal,
})
const read = (ref?: string, rev?: string, path = set) => readLocalGit(`file://${path}`, ref, rev, tools())

describe('a local repository is', () => {
  test('the commit that is asked for, or the one of a branch or a tag', async () => {
    for (const ref of ['release/1', 'refs/heads/release/1', 'v1', 'refs/tags/v1'])
      expect(await read(ref)).toEqual({ type: 'commit', revision: first })
    expect(await read('main')).toEqual({ type: 'commit', revision: second })
    expect(await read('main', first)).toEqual({ type: 'commit', revision: first })
  })

  test('its tracked files as they are now, which are a commit if nothing has changed', async () => {
    expect(await read()).toEqual({ type: 'files', path: set, ignored: [], revision: second })
    await mkdir(join(set, 'new'))
    await writeFile(join(set, 'new', 'file'), '')
    expect(await read()).toEqual({ type: 'files', path: set, ignored: ['new'], revision: second })
    await writeFile(join(set, 'default.nix'), 'changed\n')
    expect(await read()).toEqual({ type: 'files', path: set, ignored: ['new'], revision: undefined })
    await git('checkout', '--quiet', 'default.nix')
  })

  test('without submodules', async () => {
    const path = join(folder.path, 'with-module')
    await git('clone', '--quiet', set, path)
    await gitIn(path, folder.path)('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', set, 'module')
    await gitIn(path, folder.path)('commit', '--quiet', '--message', 'm')
    expect(await read(undefined, undefined, path)).toMatchObject({ ignored: ['module'] })
  })

  test('the commit of its HEAD where it has no working tree', async () => {
    const bare = join(folder.path, 'bare.git')
    await git('clone', '--quiet', '--bare', set, bare)
    expect(await read(undefined, undefined, bare)).toEqual({ type: 'commit', revision: second })
    expect(await read(undefined, undefined, join(set, '.git'))).toEqual({ type: 'commit', revision: second })
  })

  test('a clone of one commit, too', async () => {
    const path = join(folder.path, 'shallow')
    await git('clone', '--quiet', '--depth', '1', `file://${set}`, path)
    expect(await read(undefined, second, path)).toEqual({ type: 'commit', revision: second })
    expect(await readdir(join(path))).toContain('default.nix')
  })
})

test('the files of a commit are as they were committed, whatever the user has configured', async () => {
  const files = await withCommit(`file://${set}`, first, tools(), async (path) => ({
    names: (await readdir(path)).sort(),
    text: await readFile(join(path, 'default.nix'), 'utf8'),
  }))
  expect(files).toEqual({ names: ['.gitattributes', 'default.nix', 'left-out'], text: 'one\n' })
  expect(await readdir(join(folder.path, 'run'))).toEqual([])
})

describe('what is not there is a sentence:', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    [
      'a branch',
      () => read('nowhere'),
      'cannot be fetched: it has no branch nowhere; check that `nixpkgs` names something that is there.',
    ],
    ['a commit', () => read(undefined, 'f'.repeat(40)), `cannot be fetched: it has no commit ${'f'.repeat(40)}; check`],
    [
      'a repository',
      () => read(undefined, undefined, home),
      'which cannot be read (it is no git repository); check the path',
    ],
    [
      'a folder',
      () => read(undefined, undefined, '/nowhere'),
      'which cannot be read (ENOENT: no such file or directory',
    ],
    [
      'a machine',
      () => readLocalGit('file://host/x', undefined, undefined, tools()),
      'which cannot be read (File URL host must be',
    ],
  ])('%s', async (_, attempt, sentence) => {
    await expect(attempt()).rejects.toThrow(sentence)
  })

  test('an object of a commit', async () => {
    const path = join(folder.path, 'damaged')
    await git('clone', '--quiet', set, path)
    const tree = await gitIn(path, home)('rev-parse', 'HEAD^{tree}')
    await rename(join(path, '.git', 'objects', tree.slice(0, 2), tree.slice(2)), join(path, 'away'))
    await expect(withCommit(`file://${path}`, second, tools(), async () => {})).rejects.toThrow(
      /^file:\S+ cannot be fetched: fatal: .*; check that `nixpkgs` names something that is there\.$/,
    )
  })
})
