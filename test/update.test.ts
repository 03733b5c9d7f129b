import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Finished, output } from './support/process.ts'
import { type TemporaryFolder, temporaryFolder } from './support/temporary-folder.ts'
import { gitEnvironment, runScript, scriptOf } from './support/workflow-script.ts'

const changes = '- The default `nixpkgs` is "$(exit 1)".\n- The checksums of Nix 2.35.3 are known.'
const files = ['action.yml', 'README.md', 'src/nix/pins.json', 'dist/index.js']

type Repository = { readonly folder: TemporaryFolder; readonly clone: string; readonly git: Git }
type Git = (...args: string[]) => Promise<string>

/** A repository with these files, and a clone of it. */
const withRepository = async (work: (repository: Repository) => Promise<void>): Promise<void> => {
  await using folder = await temporaryFolder('update')
  const origin = join(folder.path, 'origin')
  const clone = join(folder.path, 'clone')
  const env = gitEnvironment(folder)
  const git: Git = (...args) => output('git', args, { cwd: clone, env })
  await output('git', ['init', '--quiet', '--bare', '--initial-branch', 'main', origin], { env })
  await output('git', ['clone', '--quiet', origin, clone], { env })
  await edit(clone, [...files, '.github/workflows/ci.yml'], 'old\n')
  await git('add', '.')
  await git('-c', 'user.name=x', '-c', 'user.email=x@example.org', 'commit', '--quiet', '--message', 'all')
  await git('push', '--quiet', 'origin', 'HEAD:main')
  await work({ folder, clone, git })
}

const edit = async (clone: string, names: readonly string[], text: string): Promise<void> => {
  for (const name of names) {
    await mkdir(join(clone, name, '..'), { recursive: true })
    await writeFile(join(clone, name), text)
  }
}

const bot = '41898282+github-actions[bot]@users.noreply.github.com'

/** Runs the step that makes the patch, and takes the changes back. */
const makePatch = async ({ folder, clone, git }: Repository): Promise<string> => {
  const script = await scriptOf('update', 'pins', 'Write the patch')
  const finished = await runScript(script, { folder, cwd: clone, variables: { RUNNER_TEMP: folder.path } })
  expect(finished).toEqual({ stdout: '', stderr: '', exitCode: 0 })
  await git('reset', '--quiet', '--hard')
  return readFile(join(folder.path, 'update-pins.patch'), 'utf8')
}

/** Runs the step that pushes the branch, and goes back to `main`. */
const push = async ({ folder, clone, git }: Repository): Promise<Finished> => {
  const script = await scriptOf('update', 'pull-request', 'Push')
  const variables = { RUNNER_TEMP: folder.path, CHANGES: changes, BOT: bot }
  const finished = await runScript(script, { folder, cwd: clone, variables })
  await git('fetch', '--quiet')
  await git('checkout', '--quiet', '--force', '-B', 'main', 'origin/main')
  await git('branch', '--quiet', '--force', '--delete', 'update-pins').catch(() => '')
  return finished
}

describe('the branch', () => {
  test('has what the pins decide, new files too, with what is new as its message', () =>
    withRepository(async (repository) => {
      const { clone, git } = repository
      await edit(clone, [...files, 'dist/new.js'], 'new \u0000\n')
      await makePatch(repository)
      const finished = await push(repository)
      expect(finished.exitCode, finished.stderr).toBe(0)
      expect((await git('diff', '--name-only', 'origin/main', 'origin/update-pins')).trim().split('\n').sort()).toEqual(
        [...files, 'dist/new.js'].toSorted(),
      )
      expect(await git('show', 'origin/update-pins:dist/index.js')).toBe('new \u0000\n')
      expect((await git('log', '-1', '--format=%B%an <%ae>', 'origin/update-pins')).trim()).toBe(
        `Update the pins\n\n${changes}\ngithub-actions[bot] <${bot}>`,
      )
    }))

  test.each([
    ['another', ['.github/workflows/ci.yml', 'src/new.ts'], '.github/workflows/ci.yml, src/new.ts'],
    ['one with a name that starts the same', ['dist.js'], 'dist.js'],
  ])('is not pushed where the patch changes %s file', async (_, names, shown) =>
    withRepository(async (repository) => {
      const { clone, git } = repository
      await edit(clone, [...files, ...names], 'new\n')
      await makePatch(repository)
      expect(await push(repository)).toMatchObject({
        exitCode: 1,
        stdout: `::error::The patch would also change ${shown}, which no update of the pins may; see what wrote that in the job before.\n`,
      })
      expect((await git('branch', '--remotes')).trim()).toBe('origin/main')
    }),
  )

  test('is replaced where an earlier run has left one', () =>
    withRepository(async (repository) => {
      const { clone, git } = repository
      for (const text of ['first\n', 'second\n']) {
        await edit(clone, files, text)
        await makePatch(repository)
        expect(await push(repository)).toMatchObject({ exitCode: 0 })
      }
      expect(await git('show', 'origin/update-pins:action.yml')).toBe('second\n')
      expect((await git('rev-list', '--count', 'origin/main..origin/update-pins')).trim()).toBe('1')
    }))

  test('stays where somebody has added a commit', () =>
    withRepository(async (repository) => {
      const { clone, git } = repository
      await edit(clone, files, 'first\n')
      await makePatch(repository)
      expect(await push(repository)).toMatchObject({ exitCode: 0 })
      await git('checkout', '--quiet', 'origin/update-pins')
      const commit = ['commit', '--quiet', '--allow-empty', '--message', 'Mend']
      await git('-c', 'user.name=x', '-c', 'user.email=x@example.org', ...commit)
      await git('push', '--quiet', 'origin', 'HEAD:update-pins')
      await git('checkout', '--quiet', 'main')
      expect(await push(repository)).toMatchObject({
        exitCode: 1,
        stdout:
          '::error::The branch update-pins has a commit of somebody else; merge it, or delete the branch, and run this workflow again.\n',
      })
      expect((await git('log', '-1', '--format=%s', 'origin/update-pins')).trim()).toBe('Mend')
    }))

  test('has no patch where nothing has changed', () =>
    withRepository(async (repository) => {
      expect(await makePatch(repository)).toBe('')
    }))
})

describe('the pull request', () => {
  const body = `${changes}\n\nThe tests have passed: https://github.com/o/r/actions/runs/1`
  const own = 'map(select(.isCrossRepository | not)) | .[0].number // empty'
  const open = ['--head', 'update-pins', '--base', 'main', '--state', 'open']
  const list = ['pr', 'list', ...open, '--json', 'number,isCrossRepository', '--jq', own]
  test.each([
    [
      'is opened',
      '',
      ['create', '--base', 'main', '--head', 'update-pins', '--title', 'Update the pins', '--body', body],
    ],
    ['is brought up to date where there is one', '7', ['edit', '7', '--body', body]],
  ])('%s', async (_, number, expected) => {
    await using folder = await temporaryFolder('update')
    const variables = { CHANGES: changes, GITHUB_REF_NAME: 'main', RUN: 'https://github.com/o/r/actions/runs/1' }
    const gh = `[ "$2" != list ] || echo '${number}'`
    const script = await scriptOf('update', 'pull-request', 'Open')
    expect(await runScript(script, { folder, cwd: folder.path, variables, gh })).toMatchObject({ exitCode: 0 })
    const args = [...list, 'pr', ...expected]
    expect(await readFile(join(folder.path, 'gh.txt'), 'utf8')).toBe(`${args.join('\n')}\n`)
  })
})

describe('what is new', () => {
  /** The output that the step leaves, with an `npm` that prints `text` and ends with `code`. */
  const changesOf = async (text: string, code: number): Promise<{ left: string; exitCode: number }> => {
    await using folder = await temporaryFolder('update')
    const bin = join(folder.path, 'tools')
    await mkdir(bin)
    await writeFile(join(bin, 'npm'), `#!/bin/sh\nprintf '%s' '${text}'\nexit ${code}\n`, { mode: 0o755 })
    const file = join(folder.path, 'output')
    await writeFile(file, '')
    const script = `PATH=${bin}:$PATH\n${await scriptOf('update', 'pins', 'pins')}`
    const { exitCode } = await runScript(script, { folder, cwd: folder.path, variables: { GITHUB_OUTPUT: file } })
    return { left: await readFile(file, 'utf8'), exitCode }
  }

  test('comes whole to the job that opens the pull request', async () => {
    const { left, exitCode } = await changesOf('- One.\n- Two.\n', 0)
    expect(exitCode).toBe(0)
    expect(left).toMatch(/^changes<<([0-9a-f]{32})\n- One\.\n- Two\.\n\1\n$/)
  })

  test('is empty where nothing is', async () => {
    expect((await changesOf('', 0)).left).toMatch(/^changes<<([0-9a-f]{32})\n\n\1\n$/)
  })

  test('ends the job where the script fails', async () => {
    expect(await changesOf('', 1)).toEqual({ left: '', exitCode: 1 })
  })
})
