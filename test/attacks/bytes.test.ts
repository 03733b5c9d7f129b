import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { buildLayers } from '../../src/build/build-layers.ts'
import { checkValidity } from '../../src/nix/check-validity.ts'
import { parseNarHash } from '../../src/nix/nar-hash.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'
import { type ChangeableSet, changeableSet, rewrite } from '../support/changed-store.ts'
import { build, pin, withNix } from '../support/nix.ts'
import { planOf } from '../support/plans.ts'
import { output } from '../support/process.ts'
import { type Registry, startRegistry, tags } from '../support/registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The store differs from Nix's database, and nothing of it may get into an image. */

let registry: Registry
let cache: CacheService
let packages: ChangeableSet

beforeAll(async () => {
  registry = await startRegistry()
  cache = await startCacheService()
  packages = await changeableSet({
    victim:
      'mkdir -p $out/bin $out/share; echo honest > $out/bin/victim; chmod +x $out/bin/victim; echo a > $out/share/a; ln -s a $out/share/link',
    single: 'echo honest > $out',
    link: 'ln -s honest $out',
    target: 'mkdir -p $out/bin; echo honest > $out/bin/target; chmod +x $out/bin/target',
    evil: 'mkdir $out; chmod u+w ${target}/bin ${target}/bin/target; echo poison > ${target}/bin/target; chmod 555 ${target}/bin ${target}/bin/target; touch --date @1 ${target}/bin/target',
    users: 'mkdir -p $out/etc; echo app:x:5000:5000::/home/app:/bin/sh > $out/etc/passwd',
    usersLink: 'mkdir $out; ln -s ${users}/etc $out/etc',
    git: 'mkdir -p $out/bin; echo honest > $out/bin/git; echo second > $out/bin/second',
    other: 'mkdir -p $out/bin; echo poison > $out/bin/git',
  })
})
afterAll(async () => {
  await packages[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
  await registry.stop()
})

type Change = (path: string) => Promise<unknown>

let repositories = 0
type Run = StepResult & { readonly tags: readonly string[] }
const push = async (inputs: Record<string, string>, name = `changed-${repositories++}`): Promise<Run> => {
  const step = await runAction(
    { nixpkgs: packages.set, image: `${registry.host}/${name}`, tags: 'v1', ...inputs },
    { environment: cache.environment({}), event: { repository: { default_branch: 'main' } } },
  )
  return { ...step, tags: await tags(registry, name) }
}

/** The run ended before it put a tag, with a sentence that names the path and says what to do. */
const refused = ({ exitCode, errors, log, tags }: Run, path: StorePath): true => {
  expect(exitCode, log).toBe(1)
  expect(errors).toEqual([expect.stringContaining(`${path} is not what Nix put into the store: `)])
  expect(errors[0]).toContain('nix-store --verify --check-contents --repair')
  expect(tags).toEqual([])
  return true
}

describe('what is packed is what Nix built', () => {
  attack("package's builder", 'image', 'writes to a file of a package that it depends on', async () => {
    const [target] = (await packages.realise('target', 'evil')) as [StorePath]
    return refused(await push({ packages: 'target evil' }), target)
  })

  const changes: readonly (readonly [what: string, packages: string, change: Change])[] = [
    [
      'a file that keeps its size and its times',
      'victim',
      (path) => rewrite(join(path, 'bin/victim'), (text) => text.replace('honest', 'poison')),
    ],
    ['the executable bit', 'victim', (path) => chmod(join(path, 'share/a'), 0o555)],
    [
      'the target of a link',
      'victim',
      async (path) => {
        await rm(join(path, 'share/link'))
        await symlink('b', join(path, 'share/link'))
      },
    ],
    ['a file that is added', 'victim', (path) => writeFile(join(path, 'bin/more'), '')],
    ['a file that is removed', 'victim', (path) => rm(join(path, 'share/a'))],
    ['a file that is renamed', 'victim', (path) => rename(join(path, 'share/a'), join(path, 'share/b'))],
    ['an empty folder', 'victim', (path) => mkdir(join(path, 'share/empty'))],
    ['a store path that is a file', 'victim single', (path) => rewrite(path, () => 'poison\n')],
    [
      'a store path that is a link',
      'victim link',
      async (path) => {
        await rm(path)
        await symlink('poison', path)
      },
    ],
  ]
  for (const [what, names, change] of changes)
    attack('job of a branch', 'image', `changes ${what} in a store that a later run has`, async () => {
      const path = (await packages.realise(...names.split(' '))).at(-1) as StorePath
      return packages.changed(path, change, async () => refused(await push({ packages: names }), path))
    })
})

describe('what is packed is what was checked', () => {
  attack("package's builder", 'image', 'changes a file between the check of the store and the packing', async () => {
    await using folder = await temporaryFolder('layers')
    const [victim] = (await packages.realise('victim')) as [StorePath]
    const source = await pin({ type: 'path', path: packages.set })
    const { closure, symlinkLayer } = await build(['victim'], { source })
    await withNix((nix) => checkValidity([...closure.paths.keys()], nix))
    const poison = (): Promise<void> => rewrite(join(victim, 'bin/victim'), (text) => text.replace('honest', 'poison'))
    const isPoisoned = Promise.withResolvers<void>()
    const delivered: string[] = []
    const work = buildLayers(
      {
        ...planOf().image,
        ...{ partition: [[victim]], closure, symlinkLayer, baseFiles: [], folder: folder.path },
      },
      {
        // `find` is called after the check of the store, and before a layer is packed.
        find: async () => {
          await isPoisoned.promise
          return undefined
        },
        deliver: async ({ key }) => {
          delivered.push(key)
          return 'sent'
        },
        keep: () => {},
        allPacked: () => {},
      },
    )
    await packages.changed(victim, poison, async () => {
      isPoisoned.resolve()
      await expect(work).rejects.toThrow(`${victim} is not what Nix put into the store`)
    })
    // At most the symlink layer, whose content is right.
    expect(delivered.length).toBeLessThanOrEqual(1)
    return true
  })
})

describe('what is read and not packed is what Nix built', () => {
  /** A run that reuses an earlier run's layers of these packages, after a change to the store. */
  const second = async (names: string, more: string, path: StorePath, change: Change): Promise<Run> => {
    cache.clear()
    const repository = `changed-${repositories++}`
    const first = await push({ packages: names, preset: 'bare' }, repository)
    expect(first.exitCode, first.log).toBe(0)
    return packages.changed(path, change, () =>
      push({ packages: `${names} ${more}`, preset: 'bare', tags: 'v2' }, repository),
    )
  }
  const tagged = (run: Run): Run => ({ ...run, tags: run.tags.filter((tag) => tag !== 'v1') })

  attack('job of a branch', 'image', 'changes /etc/passwd, whose package is found and not packed', async () => {
    const [users] = (await packages.realise('users', 'victim')) as [StorePath]
    const change = (path: string) => rewrite(join(path, 'etc/passwd'), (text) => text.replace('5000:5000', '0000:0000'))
    return refused(tagged(await second('users', 'victim', users, change)), users)
  })

  attack('job of a branch', 'image', 'changes /etc/passwd behind a link to another package', async () => {
    const [users] = (await packages.realise('users', 'usersLink', 'victim')) as [StorePath]
    const change = (path: string) => rewrite(join(path, 'etc/passwd'), (text) => text.replace('5000:5000', '0000:0000'))
    return refused(tagged(await second('usersLink', 'victim', users, change)), users)
  })

  attack(
    "package's builder",
    'image',
    'removes a program of a package that is found, so that another takes its name',
    async () => {
      const [git] = (await packages.realise('git', 'other')) as [StorePath]
      return refused(tagged(await second('git', 'other', git, (path) => rm(join(path, 'bin/git')))), git)
    },
  )
})

describe('the description of an image is what Nix built', () => {
  const described = async (
    names: string,
    change: (path: string) => Promise<unknown>,
    suffix: string,
  ): Promise<true> => {
    const [path] = (await packages.realise(...names.split(' '))) as [StorePath]
    const referrers = async (): Promise<string[]> =>
      (await output('nix-store', ['--query', '--referrers', path])).split('\n')
    const before = await referrers()
    const first = await push({ packages: names, reuse: 'false' })
    expect(first.exitCode, first.log).toBe(0)
    const image = (await referrers()).find((name) => !before.includes(name) && name.endsWith(suffix)) as StorePath
    return packages.changed(image, change, async () => refused(await push({ packages: names, reuse: 'false' }), image))
  }

  attack('job of a branch', 'attestation', 'changes the description', () =>
    described(
      'victim git',
      (path) => rewrite(path, (text) => text.replace('"attr":"victim"', '"attr":"poison"')),
      '-nix-image',
    ),
  )

  attack('job of a branch', 'image', 'changes a NAR hash in the description', () =>
    described(
      'victim single git',
      async (path) => {
        const [, hash = ''] = /"narHash":"([^"]+)"/.exec(await readFile(path, 'latin1')) ?? []
        parseNarHash(hash, 'the hash')
        await rewrite(path, (text) =>
          text.replace(
            hash,
            hash.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
          ),
        )
      },
      '-nix-image',
    ),
  )

  attack('job of a branch', 'image', 'changes where a link of the image leads', () =>
    described(
      'victim link git',
      (path) => rewrite(path, (text) => text.replace('/bin/victim', '/bin/poison')),
      '-symlinkLayer',
    ),
  )
})
