import { cp, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAction } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { gitIn, gitTrap, trapAttributes } from '../support/hostile-git.ts'
import { smallSet } from '../support/nix.ts'
import { newestNixLink } from '../support/nix-places.ts'
import { output } from '../support/process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer } from '../support/web-server.ts'

/** The repository comes with a checkout, and its configuration names programs. */

let folder: TemporaryFolder
let count = 0
beforeAll(async () => {
  folder = await temporaryFolder('hostile-git')
})
afterAll(() => folder[Symbol.asyncDispose]())

type Checkout = Awaited<ReturnType<typeof checkout>>

/** A workspace with a repository, `git`, for the package set in `set`. */
const checkout = async () => {
  const path = join(folder.path, `${count++}`)
  const set = join(path, 'set')
  await mkdir(path)
  await cp(smallSet, set, { recursive: true })
  await writeFile(join(set, '.gitattributes'), trapAttributes)
  await writeFile(join(set, '.gitignore'), 'secret\n')
  // Makes the content new to the store.
  await writeFile(join(set, 'unique.nix'), `"${path}"`)
  const git = gitIn(set, path)
  await git('init', '--quiet', '--initial-branch', 'main')
  await git('add', '.')
  await git('commit', '--quiet', '--message', 'm')
  const revision = await git('rev-parse', 'HEAD')
  return { path, set, git, revision, trap: await gitTrap(path) }
}

const run = async ({ path, trap }: Checkout, nixpkgs: string, expected = 0, environment = {}) => {
  const cache = join(path, 'cache')
  const step = await runAction(
    { packages: 'tree', nixpkgs, push: 'false' },
    { workspace: path, environment: { XDG_CACHE_HOME: cache, ...environment } },
  )
  expect(await trap.ran(), step.log).toEqual([])
  expect(step.exitCode, step.log).toBe(expected)
  return step
}

/** Moves the repository of the set to another place, so that the set itself is in no repository. */
const bare = async ({ set, git, trap }: Checkout, to: string): Promise<void> => {
  await git('config', 'core.bare', 'false')
  await git('config', 'core.worktree', set)
  await rename(join(set, '.git'), to)
  await trap.arm(to)
}

attack('checkout', 'code in the step', 'a bare repository in the folder that `nixpkgs` names', async () => {
  const place = await checkout()
  await rename(join(place.set, '.git'), join(place.path, 'git'))
  for (const name of ['HEAD', 'config', 'objects', 'refs', 'index'])
    await cp(join(place.path, 'git', name), join(place.set, name), { recursive: true })
  await gitIn(place.path, place.path)('config', '--file', join(place.set, 'config'), 'core.bare', 'false')
  await gitIn(place.path, place.path)('config', '--file', join(place.set, 'config'), 'core.worktree', place.set)
  await place.trap.arm(place.set)
  await run(place, './set')
  return false
})

attack('checkout', 'code in the step', 'a file .git that leads to a planted repository', async () => {
  const place = await checkout()
  await bare(place, join(place.path, 'planted'))
  await writeFile(join(place.set, '.git'), 'gitdir: ../planted\n')
  await writeFile(join(place.set, 'secret'), 'x')
  await run(place, './set')
  return false
})

attack('checkout', 'code in the step', 'the configuration of the repository itself', async () => {
  const place = await checkout()
  await place.trap.arm(join(place.set, '.git'))
  await writeFile(join(place.set, 'default.nix'), `\n${await output('cat', [join(place.set, 'default.nix')])}`)
  await run(place, './set')
  return false
})

attack(
  'checkout',
  'code in the step',
  'hostile repositories in folders of the folder, one of them a submodule',
  async () => {
    const place = await checkout()
    const nested = join(place.set, 'nested')
    const module = join(place.set, 'module')
    for (const path of [nested, module]) {
      await cp(join(place.set, '.git'), join(path, '.git'), { recursive: true })
      await cp(join(place.set, 'default.nix'), join(path, 'default.nix'))
    }
    await place.git('update-index', '--add', '--cacheinfo', `160000,${place.revision},module`)
    for (const path of [nested, module]) await place.trap.arm(join(path, '.git'))
    for (const nixpkgs of ['./set', `git+file://${place.set}`]) await run(place, nixpkgs)
    return false
  },
)

const ways: [string, (place: Checkout) => string][] = [
  ['', ({ set }) => `git+file://${set}`],
  [' and a branch', ({ set }) => `git+file://${set}?ref=main`],
  [' and a commit', ({ set, revision }) => `git+file://${set}?rev=${revision}`],
]
for (const newest of [false, true])
  for (const [title, url] of ways) {
    const nix = newest ? ' (newest Nix)' : ''
    const environment = newest ? { PATH: `${join(newestNixLink, 'bin')}:${process.env['PATH']}` } : {}
    attack('checkout', 'code in the step', `git+file:// of a hostile working tree${title}${nix}`, async () => {
      const place = await checkout()
      await place.trap.arm(join(place.set, '.git'))
      await writeFile(join(place.set, 'other.nix'), 'changed')
      await run(place, url(place), 0, environment)
      return false
    })

    attack('checkout', 'code in the step', `git+file:// of a hostile bare repository${title}${nix}`, async () => {
      const place = await checkout()
      const to = join(place.path, 'planted.git')
      await rename(join(place.set, '.git'), to)
      await gitIn(to, place.path)('config', 'core.bare', 'true')
      await place.trap.arm(to)
      await run(place, url({ ...place, set: to }), 0, environment)
      return false
    })
  }

attack(
  'checkout',
  'code in the step',
  'a commit that a planted repository would fetch when it is asked for',
  async () => {
    const place = await checkout()
    await place.trap.arm(join(place.set, '.git'))
    const step = await run(place, `git+file://${place.set}?rev=${'f'.repeat(40)}`, 1)
    expect(step.errors).toHaveLength(1)
    expect(step.errors[0]).toContain(`cannot be fetched: it has no commit ${'f'.repeat(40)}; check that`)
    return true
  },
)

attack('checkout', 'code in the step', 'the repository in the workspace, where git asks another one', async () => {
  const place = await checkout()
  await bare(place, join(place.path, '.git'))
  await runAction(
    { packages: 'tree', nixpkgs: 'git+ssh://127.0.0.1:1/nothing?ref=main', push: 'false' },
    { workspace: place.path, wrapper: ['env', '--chdir', place.path] },
  )
  expect(await place.trap.ran()).toEqual([])
  return true
})

for (const newest of [false, true])
  attack(
    'package set',
    'code in the step',
    `a package set that fetches from a repository inside itself${newest ? ' (newest Nix)' : ''}`,
    async () => {
      const place = await checkout()
      // The newest Nix does not unpack files named .git, but fetches from a bare repository with git.
      const inner = join(place.path, 'archive', 'inner')
      await mkdir(join(place.path, 'archive'))
      await cp(newest ? join(place.set, '.git') : place.set, inner, { recursive: true })
      if (newest) await gitIn(inner, place.path)('config', 'core.bare', 'true')
      await place.trap.arm(newest ? inner : join(inner, '.git'))
      await writeFile(
        join(place.path, 'archive', 'default.nix'),
        `args: import (builtins.fetchGit { name = "source"; url = "file://\${toString ./inner}"; rev = "${place.revision}"; allRefs = true; }) args`,
      )
      const archive = join(place.path, 'archive.tar')
      await output('tar', ['--create', '--file', archive, '--directory', place.path, 'archive'])
      await using server = await startWebServer({ '/archive.tar': { file: archive } })
      const environment = newest ? { PATH: `${join(newestNixLink, 'bin')}:${process.env['PATH']}` } : {}
      const step = await runAction(
        { packages: 'tree', nixpkgs: `${server.url}/archive.tar`, push: 'false' },
        { workspace: place.path, environment: { XDG_CACHE_HOME: join(place.path, 'cache'), ...environment } },
      )
      expect(await place.trap.ran(), step.log).toEqual([])
      if (newest) expect(step.exitCode, step.log).toBe(0)
      else expect(step.errors.join('\n')).toContain('git is not run in a folder')
      return step.exitCode !== 0
    },
  )

attack('package set', 'code in the step', 'a package set that fetches with Mercurial from a folder', async () => {
  const place = await checkout()
  const hg = join(place.path, 'bin')
  await mkdir(hg)
  await writeFile(join(hg, 'hg'), `#!/bin/sh\necho hg >> '${join(place.path, 'ran')}'\n`, { mode: 0o755 })
  await writeFile(
    join(place.set, 'default.nix'),
    `args: import (builtins.fetchMercurial { name = "source"; url = "file://\${toString ./.}"; rev = "${'a'.repeat(40)}"; }) args`,
  )
  const step = await run(place, './set', 1, { PATH: `${hg}:${process.env['PATH']}` })
  expect(step.errors.join('\n')).toContain('hg')
  return true
})

test('the traps spring where git is let at them', async () => {
  const place = await checkout()
  await place.trap.arm(join(place.set, '.git'))
  await writeFile(join(place.set, 'default.nix'), 'changed')
  await place.git('status').catch(() => {})
  await place.git('fetch', 'origin').catch(() => {})
  expect(await place.trap.ran()).toEqual(expect.arrayContaining(['clean', 'lazy']))
})
