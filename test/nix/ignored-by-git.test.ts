import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ignoredByGit } from '../../src/nix/ignored-by-git.ts'
import { gitEnvironment, gitIn } from '../support/hostile-git.ts'
import { output } from '../support/process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let folder: TemporaryFolder
let home: string
let count = 0
beforeAll(async () => {
  folder = await temporaryFolder('ignored')
  home = join(folder.path, 'home')
  await mkdir(home)
  await mkdir(join(folder.path, 'run'))
  await writeFile(join(home, '.gitconfig'), `[core]\n  excludesFile = ${home}/excludes\n`)
  await writeFile(join(home, 'excludes'), 'of-the-user\n')
})
afterAll(() => folder[Symbol.asyncDispose]())

const fresh = async (): Promise<string> => {
  const path = join(folder.path, `${count++}`)
  await mkdir(path)
  return path
}
const ours = (path: string): Promise<string[]> =>
  ignoredByGit(path, {
    environment: gitEnvironment(home),
    temporary: join(folder.path, 'run'),
    signal: new AbortController().signal,
  })
const gits = async (path: string): Promise<string[]> => {
  const args = ['-C', path, 'ls-files', '--others', '--ignored', '--exclude-standard', '--directory', '-z']
  const list = await output('git', args, { env: gitEnvironment(home) })
  return list.split('\0').flatMap((name) => (name === '' || name === './' ? [] : [name.replace(/\/$/, '')]))
}
/** Checks that both give the same list, and returns it. */
const both = async (path: string): Promise<string[]> => {
  const list = await ours(path)
  expect(list).toEqual(await gits(path))
  return list
}
const write = async (root: string, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(root, name, '..'), { recursive: true })
    await writeFile(join(root, name), text)
  }
}
/** A repository with files that are tracked, ignored by each kind of rule, and neither. */
const sample = async (...init: string[]): Promise<string> => {
  const root = await fresh()
  const git = gitIn(root, home)
  await git('init', '--quiet', '--initial-branch', 'main', ...init)
  await write(root, {
    '.gitignore': '*.log\n/build/\n!keep.log\n',
    'sub/.gitignore': 'local\n',
    'sub/default.nix': '{ }',
    'other/.gitignore': 'elsewhere\n',
    'tracked.log': 'tracked',
  })
  await git('add', '--force', '.')
  await git('commit', '--quiet', '--message', 'm')
  await litter(root)
  return root
}
const litter = (root: string): Promise<void> =>
  write(root, {
    ...{ 'a.log': '', 'keep.log': '', 'build/x/y': '', 'sub/local': '', 'sub/b.log': '', 'sub/new': '' },
    ...{ 'other/elsewhere': '', 'other/local': '', 'of-the-user': '', 'sub/of-the-user': '', 'of-the-clone': '' },
  })

describe('what is ignored is what git says,', () => {
  test('in a repository, in a folder of it, and in one that is ignored as a whole', async () => {
    const root = await sample()
    await writeFile(join(root, '.git', 'info', 'exclude'), 'of-the-clone\n')
    expect(await both(root)).toEqual([
      'a.log',
      'build',
      'of-the-clone',
      'of-the-user',
      'other/elsewhere',
      'sub/b.log',
      'sub/local',
      'sub/of-the-user',
    ])
    expect(await both(join(root, 'sub'))).toEqual(['b.log', 'local', 'of-the-user'])
    expect(await ours(join(root, 'build'))).toEqual([])
  })

  test('in no repository', async () => {
    const root = await fresh()
    expect(await ours(root)).toEqual([])
    // A folder that only has the name is no repository either.
    await mkdir(join(root, '.git'))
    expect(await ours(root)).toEqual([])
  })

  test.each<[string, string[]]>([
    ['with SHA-256', ['--object-format=sha256']],
    ['before its first commit', []],
    ['whose files of git are elsewhere', [`--separate-git-dir`]],
  ])('in a repository %s', async (title, options) => {
    const elsewhere = options.includes('--separate-git-dir') ? [join(await fresh(), 'git')] : []
    const root = await sample(...options, ...elsewhere)
    if (title.includes('first')) await gitIn(root, home)('update-ref', '-d', 'HEAD')
    expect(await both(root)).toContain('build')
  })

  test('with a split index, and one of each version', async () => {
    const root = await sample()
    const git = gitIn(root, home)
    await git('update-index', '--split-index')
    await write(root, { 'more.log': '' })
    await git('add', '--force', 'more.log')
    expect(await both(root)).not.toContain('more.log')
    await git('update-index', '--no-split-index')
    for (const version of ['2', '3', '4']) {
      await git('update-index', '--index-version', version)
      expect(await both(root)).toContain('a.log')
    }
  })

  test('in a working tree beside another one, with a configuration of its own', async () => {
    const root = await sample()
    const git = gitIn(root, home)
    const tree = join(await fresh(), 'tree')
    await git('worktree', 'add', '--quiet', '-b', 'second', tree)
    await git('config', 'extensions.worktreeConfig', 'true')
    await gitIn(tree, home)('config', '--worktree', 'core.excludesFile', join(home, 'of-this-tree'))
    await writeFile(join(home, 'of-this-tree'), 'of-the-clone\n')
    await writeFile(join(root, '.git', 'info', 'exclude'), 'new\n')
    await litter(tree)
    expect(await both(tree)).toContain('of-the-clone')
    expect(await both(tree)).toContain('sub/new')
    expect(await both(root)).not.toContain('of-the-clone')
  })

  test('in a submodule, and around one', async () => {
    const root = await sample()
    const module = await sample()
    const git = gitIn(root, home)
    await git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', module, 'deep/module')
    await litter(join(root, 'deep', 'module'))
    expect(await both(join(root, 'deep', 'module'))).toContain('build')
    expect(await both(root)).not.toContain('deep/module')
    expect(await both(join(root, 'deep'))).toEqual([])
  })

  test('around repositories that are no submodules', async () => {
    const root = await sample()
    await rename(await sample(), join(root, 'nested'))
    await rename(await sample('--bare').catch(async () => sample()), join(root, 'build', 'nested'))
    await both(root)
    expect(await both(join(root, 'nested'))).toContain('build')
  })

  test('with a configuration that says how names are compared', async () => {
    const root = await sample()
    await gitIn(root, home)('config', 'core.ignoreCase', 'true')
    await write(root, { 'LOUD.LOG': '' })
    expect(await both(root)).toContain('LOUD.LOG')
  })

  test('in a sparse checkout, whose rules may be in the repository alone, with a sparse index or not', async () => {
    const root = await sample()
    const git = gitIn(root, home)
    await git('sparse-checkout', 'set', '--no-cone', '/sub/default.nix')
    await litter(root)
    // git itself overlooks the rules of `sub` when it starts above it, but not when it starts in it.
    expect(await gits(root)).toContain('sub/b.log')
    expect(await ours(join(root, 'sub'))).toEqual(['b.log', 'local', 'of-the-user'])
    await git('sparse-checkout', 'set', '--cone', '--sparse-index', 'sub')
    await litter(root)
    expect(await both(root)).toContain('other/elsewhere')
  })
})

test('a rule that is neither checked out nor in a partial clone is asked for, and no server', async () => {
  const root = await sample()
  await gitIn(root, home)('config', 'uploadpack.allowFilter', 'true')
  const clone = join(await fresh(), 'clone')
  const git = gitIn(clone, home)
  await gitIn(root, home)('clone', '--quiet', '--no-checkout', '--filter=blob:none', `file://${root}`, clone)
  await git('sparse-checkout', 'set', '--no-cone', '/sub/default.nix')
  await git('checkout', '--quiet', 'main')
  await rm(root, { recursive: true })
  await expect(ours(join(clone, 'sub'))).rejects.toThrow(
    /^`nixpkgs` is \S+\/sub, and (sub\/)?\.gitignore is neither checked out nor in this partial clone; add it to the `sparse-checkout`/,
  )
})

describe('a repository that cannot be read is a sentence, since what it ignores may be secret:', () => {
  const sentence =
    /^`nixpkgs` is \S+, of which git cannot tell what it ignores \(.*\); put git on the PATH, or mend the repository\.$/
  test.each<[string, (root: string) => Promise<unknown>]>([
    ['its index is damaged', (root) => writeFile(join(root, '.git', 'index'), 'no index')],
    [
      'its index is no file',
      async (root) => {
        await rm(join(root, '.git', 'index'))
        await output('mkfifo', [join(root, '.git', 'index')])
      },
    ],
    ['its configuration is damaged', (root) => writeFile(join(root, '.git', 'config'), '[core')],
    [
      'its configuration is endless',
      async (root) => {
        await rm(join(root, '.git', 'config'))
        await symlink('/dev/zero', join(root, '.git', 'config'))
      },
    ],
    ['its working tree is another folder', (root) => gitIn(root, home)('config', 'core.worktree', '../..')],
    [
      '.git leads nowhere',
      async (root) => {
        await rm(join(root, '.git'), { recursive: true })
        await writeFile(join(root, '.git'), 'gitdir: nowhere\n')
      },
    ],
  ])('%s', async (_, damage) => {
    const root = await sample()
    await damage(root)
    await expect(ours(root)).rejects.toThrow(sentence)
  })

  test('there is no git', async () => {
    const root = await sample()
    const { signal } = new AbortController()
    const tools = { environment: { PATH: home }, temporary: join(folder.path, 'run'), signal }
    await expect(ignoredByGit(root, tools)).rejects.toThrow('(spawn git ENOENT); put git on the PATH')
  })
})

test('and so it is in any repository', { timeout: 300_000 }, async () => {
  const part = fc.constantFrom('a', 'b', 'c', 'ä', 'x.log', 'with space')
  const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  const rule = fc.oneof(
    fc.constantFrom('a', '/b', 'c/', '*.log', '!x.log', '**/a', 'a/**', '!a/b', '#', 'with*', '[a-b]', 'b/c', '\\ä'),
    path,
  )
  const rules = fc.array(rule, { maxLength: 4 }).map((list) => `${list.join('\n')}\n`)
  const repository = fc.record({
    files: fc.uniqueArray(path, { minLength: 2, maxLength: 10 }),
    tracked: fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
    top: rules,
    nested: fc.option(fc.tuple(path, rules)),
    exclude: rules,
    nestedRepository: fc.option(path),
  })
  await fc.assert(
    fc.asyncProperty(repository, async ({ files, tracked, top, nested, exclude, nestedRepository }) => {
      const root = await fresh()
      const git = gitIn(root, home)
      await git('init', '--quiet')
      const attempt = (name: string, text: string): Promise<void> => write(root, { [name]: text }).catch(() => {})
      for (const name of files) await attempt(name, name)
      await attempt('.gitignore', top)
      if (nested) await attempt(join(nested[0], '.gitignore'), nested[1])
      for (const [index, name] of files.entries())
        if (tracked[index]) await git('add', '--force', '--', name).catch(() => {})
      if (nestedRepository) await git('init', '--quiet', '--', join(root, nestedRepository)).catch(() => {})
      await writeFile(join(root, '.git', 'info', 'exclude'), exclude)
      await both(root)
      await rm(root, { recursive: true })
    }),
    { numRuns: 60, seed: 12 },
  )
})

test('a folder of another user is read as well', async () => {
  const root = await sample()
  await output('chown', ['-R', '65534', root])
  await chmod(root, 0o755)
  expect(await ours(root)).toContain('build')
})
