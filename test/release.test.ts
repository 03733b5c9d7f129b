import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from './support/action.ts'
import { output } from './support/process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** What the step of the release workflow moves `v1` to, as the name of a release; `tag` is the one that is released. */
const moved = async (releases: readonly string[], tag: string): Promise<string> => {
  await using folder = await temporaryFolder('release')
  const [origin, clone, bin] = ['origin', 'clone', 'bin'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ]
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: folder.path,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GITHUB_REF_NAME: tag,
  }
  const git = (...args: string[]): Promise<string> => output('git', args, { cwd: clone, env })
  await mkdir(bin)
  await writeFile(join(bin, 'gh'), '#!/bin/sh\n')
  await chmod(join(bin, 'gh'), 0o755)
  await output('git', ['init', '--quiet', '--bare', origin], { env })
  await output('git', ['clone', '--quiet', origin, clone], { env })
  for (const name of releases) {
    const author = ['-c', 'user.name=x', '-c', 'user.email=x@example.org']
    await git(...author, 'commit', '--quiet', '--allow-empty', '--message', name)
    await git('tag', name)
  }
  await git('push', '--quiet', 'origin', 'v1.0.0^{commit}:refs/tags/v1')
  const commit = (await git('rev-parse', tag)).trim()
  const { jobs } = parse(await readFile(join(root, '.github', 'workflows', 'release.yml'), 'utf8'))
  const { run } = jobs.release.steps.find(({ name = '' }: { name?: string }) => name.startsWith('Move'))
  // As the runner starts a script that names no shell.
  await output('bash', ['-e', '-c', run], { cwd: clone, env: { ...env, GITHUB_SHA: commit } })
  const subject = await output('git', ['log', '-1', '--format=%s', 'v1'], { cwd: origin, env })
  return subject.trim()
}

test.each([
  ['the latest release has it', ['v1.0.0', 'v1.9.0', 'v1.10.0'], 'v1.10.0', 'v1.10.0'],
  ['a release of an older line leaves it', ['v1.0.0', 'v1.2.0', 'v1.1.1'], 'v1.1.1', 'v1.0.0'],
  ['a try of a release is none', ['v1.0.0', 'v1.1.0', 'v1.2.0-rc.1'], 'v1.1.0', 'v1.1.0'],
  ['another major version has its own', ['v1.0.0', 'v1.1.0', 'v2.0.0'], 'v1.1.0', 'v1.1.0'],
])('the tag v1: %s', async (_, releases, tag, expected) => {
  expect(await moved(releases, tag)).toBe(expected)
})
