import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './support/action.ts'
import { repository } from './support/documents.ts'
import { type Finished, output } from './support/process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { gitEnvironment, runScript, scriptOf } from './support/workflow-script.ts'

/**
 * Runs the last step in a repository with these releases, of which `tag` is the new one. Returns the release at `v1`
 * afterwards, and the output of the step. Before, `v1` is at the first release, or missing if `isFirst`.
 */
const moved = async (
  releases: readonly string[],
  tag: string,
  { isFirst = false, hook = '' } = {},
): Promise<Finished & { readonly v1: string }> => {
  await using folder = await temporaryFolder('release')
  const origin = join(folder.path, 'origin')
  const clone = join(folder.path, 'clone')
  const env = gitEnvironment(folder)
  const git = (...args: string[]): Promise<string> => output('git', args, { cwd: clone, env })
  await output('git', ['init', '--quiet', '--bare', origin], { env })
  await output('git', ['clone', '--quiet', origin, clone], { env })
  for (const name of releases) {
    const author = ['-c', 'user.name=x', '-c', 'user.email=x@example.org']
    await git(...author, 'commit', '--quiet', '--allow-empty', '--message', name)
    await git('tag', name)
  }
  if (!isFirst) await git('push', '--quiet', 'origin', `${releases[0]}^{commit}:refs/tags/v1`)
  if (hook) await writeFile(join(origin, 'hooks', 'pre-receive'), `#!/bin/sh\n${hook}\n`, { mode: 0o755 })
  const commit = (await git('rev-parse', tag)).trim()
  const script = await scriptOf('release', 'release', 'Move')
  const finished = await runScript(script, {
    folder,
    cwd: clone,
    variables: { GITHUB_REF_NAME: tag, GITHUB_SHA: commit },
  })
  const v1 = await output('git', ['log', '-1', '--format=%s', 'v1'], { cwd: origin, env })
  return { ...finished, v1: v1.trim() }
}

describe('the tag v1', () => {
  test.each([
    ['the latest release has it', ['v1.0.0', 'v1.9.0', 'v1.10.0'], 'v1.10.0', 'v1.10.0'],
    ['a release of an older line leaves it', ['v1.0.0', 'v1.2.0', 'v1.1.1'], 'v1.1.1', 'v1.0.0'],
    ['a try of a release is none', ['v1.0.0', 'v1.1.0', 'v1.2.0-rc.1'], 'v1.1.0', 'v1.1.0'],
    ['another major version has its own', ['v1.0.0', 'v1.1.0', 'v2.0.0'], 'v1.1.0', 'v1.1.0'],
  ])('%s', async (_, releases, tag, v1) => {
    expect(await moved(releases, tag)).toMatchObject({ v1, exitCode: 0 })
  })

  test('is made by the first release', async () => {
    expect(await moved(['v1.0.0'], 'v1.0.0', { isFirst: true })).toMatchObject({ v1: 'v1.0.0', exitCode: 0 })
  })

  test('is moved by hand where GitHub lets no workflow do it, and the step says so', async () => {
    const { v1, exitCode, stdout } = await moved(['v1.0.0', 'v1.1.0'], 'v1.1.0', { hook: 'exit 1' })
    expect({ v1, exitCode }).toEqual({ v1: 'v1.0.0', exitCode: 1 })
    expect(stdout).toMatch(/^::error::Move it by hand: git push --force origin [0-9a-f]{40}:refs\/tags\/v1\. /)
  })
})

describe('the notes', () => {
  /** The output that the step with the release notes leaves for the other job, with this changelog. */
  const notes = async (changelog: string, tag: string): Promise<Finished & { readonly left: string }> => {
    await using folder = await temporaryFolder('release')
    for (const name of ['package.json', 'scripts', 'node_modules']) {
      await symlink(join(root, name), join(folder.path, name))
    }
    await writeFile(join(folder.path, 'CHANGELOG.md'), changelog)
    const left = join(folder.path, 'output')
    await writeFile(left, '')
    const finished = await runScript(await scriptOf('release', 'check', 'notes'), {
      folder,
      cwd: folder.path,
      variables: { GITHUB_REF_NAME: tag, GITHUB_REPOSITORY: repository, GITHUB_OUTPUT: left },
    })
    return { ...finished, left: await readFile(left, 'utf8') }
  }

  const changelog = '# Changelog\n\n## [1.0.0] - 2026-01-01\n\n- One, `$(exit 1)`.\nEOF\n\n- image=x\n'

  test('come whole to the job that makes the release', async () => {
    const { exitCode, left } = await notes(changelog, 'v1.0.0')
    expect(exitCode).toBe(0)
    expect(left).toMatch(/^notes<<([0-9a-f]{32})\n- One, `\$\(exit 1\)`\.\nEOF\n\n- image=x\n\1\n$/)
  })

  test('must be there, before anything is tested', async () => {
    const { exitCode, left, stderr } = await notes(changelog, 'v1.1.0')
    expect({ exitCode, left }).toEqual({ exitCode: 1, left: '' })
    expect(stderr).toContain('CHANGELOG.md says nothing of 1.1.0; ')
  })

  test('are an argument of gh as they are', async () => {
    await using folder = await temporaryFolder('release')
    const script = await scriptOf('release', 'release', 'Create')
    const text = '"; echo $HOME `id`\n- Two.'
    const variables = { GITHUB_REF_NAME: 'v1.0.0', NOTES: text }
    expect(await runScript(script, { folder, cwd: folder.path, variables })).toMatchObject({ exitCode: 0 })
    const args = ['release', 'create', 'v1.0.0', '--verify-tag', '--title', 'v1.0.0', '--notes', text]
    expect(await readFile(join(folder.path, 'gh.txt'), 'utf8')).toBe(`${args.join('\n')}\n`)
  })
})
