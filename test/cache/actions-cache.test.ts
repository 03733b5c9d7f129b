import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ActionsCache, openActionsCache } from '../../src/cache/actions-cache.ts'
import { cacheBudget } from '../../src/cache/cache-budget.ts'
import { readContext } from '../../src/inputs/context.ts'
import { root } from '../support/action.ts'
import {
  type CacheEntry,
  type CacheFault,
  type CacheScope,
  type CacheService,
  startCacheService,
} from '../support/cache-service.ts'
import { silentLog } from '../support/log.ts'
import { output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let service: CacheService

beforeAll(async () => {
  service = await startCacheService()
})
afterAll(() => service[Symbol.asyncDispose]())
beforeEach(() => {
  service.fault = undefined
})

/** A machine that runs one step: its folder, the cache as the step sees it, and the notices and secrets of the step. */
const withStep = async <T>(
  work: (step: { cache: ActionsCache; folder: string; notices: string[]; secrets: string[] }) => Promise<T>,
  {
    scope,
    environment = {},
    limit = 20_000,
    signal = new AbortController().signal,
  }: { scope?: CacheScope; environment?: Record<string, string>; limit?: number; signal?: AbortSignal } = {},
): Promise<T> => {
  await using machine = await temporaryFolder('machine of 100% "c:d"')
  const folder = machine.path
  const step = { ...service.environment(scope), ...environment }
  const runner = { RUNNER_OS: 'Linux', RUNNER_ARCH: 'X64', RUNNER_TEMP: folder, GITHUB_WORKSPACE: folder }
  const { cacheService, childEnvironment } = readContext(
    { PATH: process.env['PATH'], ...runner, ...step },
    join(root, 'dist', 'index.js'),
  )
  const notices: string[] = []
  const secrets: string[] = []
  const log = { ...silentLog, notice: (message: string) => notices.push(message) }
  const cache = openActionsCache(cacheService, cacheBudget({ log, signal }, limit), {
    environment: childEnvironment,
    temporary: folder,
    log,
    secret: (value) => secrets.push(value),
    signal,
  })
  return await work({ cache, folder, notices, secrets })
}

const save = (key: string, text: string, scope: CacheScope = {}): Promise<string | undefined> =>
  withStep(
    async ({ cache, folder, notices }) => {
      await mkdir(join(folder, 'records'))
      await writeFile(join(folder, 'records', 'text'), text)
      const saved = await cache.save(join(folder, 'records'), key)
      expect(notices).toEqual([])
      return saved
    },
    { scope },
  )

type Restored = { readonly key: string | undefined; readonly text: string; readonly notices: readonly string[] }

const restore = (
  key: string,
  prefixes: readonly string[] = [],
  scope: CacheScope = {},
  name = 'records',
): Promise<Restored> =>
  withStep(
    async ({ cache, folder, notices }) => {
      const found = await cache.restore(join(folder, name), key, prefixes)
      const text = await readFile(join(folder, name, 'text'), 'utf8').catch(() => '')
      // Only the restored folder is left.
      expect(await readdir(folder)).toEqual(found ? [name] : [])
      return { key: found, text, notices }
    },
    { scope },
  )

const nothing = { key: undefined, text: '', notices: [] }

describe('the Actions cache', () => {
  beforeEach(() => service.clear())

  test('gives back on another machine what was saved on one', async () => {
    expect(await save('records-1', 'first')).toBe('records-1')
    expect(await restore('records-1')).toEqual({ key: 'records-1', text: 'first', notices: [] })
  })

  test('gives the newest whose key starts with a prefix, and the exact key before it', async () => {
    for (const number of [1, 2, 3]) await save(`records-${number}`, `${number}`)
    expect(await restore('records-', ['records-'])).toMatchObject({ key: 'records-3', text: '3' })
    expect(await restore('records-1', ['records-'])).toMatchObject({ key: 'records-1', text: '1' })
    expect(await restore('records-', ['other-', 'records-2'])).toMatchObject({ key: 'records-2', text: '2' })
  })

  test('has nothing where nothing was saved, and nothing for a folder of another name, without a word', async () => {
    await save('records-1', 'first')
    expect(await restore('other')).toEqual(nothing)
    expect(await restore('records-1', [], {}, 'store')).toEqual(nothing)
  })

  test('keeps an entry as it was saved first', async () => {
    expect(await save('records-1', 'first')).toBe('records-1')
    expect(await save('records-1', 'second')).toBe(undefined)
    expect((await restore('records-1')).text).toBe('first')
  })

  test('gives a branch its own entries and those of the default branch, and not those of another branch', async () => {
    const branch = (name: string): CacheScope => ({ ref: `refs/heads/${name}` })
    await save('records-1', 'main')
    await save('records-2', 'one', branch('one'))
    expect((await restore('', ['records-'], branch('one'))).text).toBe('one')
    expect((await restore('', ['records-'], branch('two'))).text).toBe('main')
    expect((await restore('', ['records-'])).text).toBe('main')
  })

  test('hides the signatures of its URLs in the log', async () => {
    await save('records-1', 'first')
    const secrets = await withStep(async ({ cache, folder, secrets }) => {
      await cache.restore(join(folder, 'records'), 'records-1', [])
      return secrets
    })
    const signature = secrets.find((secret) => /^[\w+/]{43}=$/.test(secret)) ?? expect.fail(`no signature: ${secrets}`)
    expect(secrets).toContain(encodeURIComponent(signature))
  })

  test('is not there outside a workflow, without a word', async () => {
    await save('records-1', 'first')
    for (const missing of ['ACTIONS_RUNTIME_TOKEN', 'ACTIONS_RESULTS_URL'])
      await withStep(
        async ({ cache, folder, notices }) => {
          expect(await cache.restore(join(folder, 'records'), 'records-1', [])).toBe(undefined)
          expect(await cache.save(folder, 'records-2')).toBe(undefined)
          expect(notices).toEqual([])
        },
        { environment: { [missing]: '' } },
      )
    expect(service.entries).toHaveLength(1)
  })
})

describe('trouble with the cache is a notice, and the run goes on:', () => {
  beforeEach(() => service.clear())

  /** In milliseconds; short if no answer is expected. */
  const limit = (reason: RegExp): number => (reason.source.includes('1 s') ? 1000 : 20_000)

  const read: [CacheFault, RegExp][] = [
    ['read-denied', /cache read denied/],
    ['rate-limited', /Rate limited: .*429/],
    ['corrupt', /tar.* failed/],
    ['truncated', /tar.* failed/],
    ['missing', /./],
    ['silent', /the 1 s that a run has for it are over\./],
    ['unavailable', /the 1 s that a run has for it are over\./],
    ['stalled', /the 1 s that a run has for it are over\./],
  ]
  test.each(read)('a restore with %s', async (fault, reason) => {
    await save('records-1', 'a text that is long enough to be cut into two')
    await withStep(
      async ({ cache, folder, notices }) => {
        service.fault = fault
        const start = performance.now()
        expect(await cache.restore(join(folder, 'records'), 'records-1', [])).toBe(undefined)
        expect(performance.now() - start).toBeLessThan(limit(reason) + 2000)
        expect(notices).toEqual([
          expect.stringMatching(/^Nothing was restored from the Actions cache: .* The run goes on without it\.$/),
        ])
        expect(notices[0]).toMatch(reason)
        expect(await readdir(folder)).toEqual([])
      },
      { limit: limit(reason) },
    )
  })

  const write: [CacheFault, RegExp][] = [
    ['write-denied', /cache write denied/],
    ['full', /insufficient usage|quota/],
    ['silent', /the 1 s that a run has for it are over\./],
    ['unavailable', /the 1 s that a run has for it are over\./],
  ]
  test.each(write)('a save with %s', async (fault, reason) => {
    await withStep(
      async ({ cache, folder, notices }) => {
        await mkdir(join(folder, 'records'))
        service.fault = fault
        expect(await cache.save(join(folder, 'records'), 'records-1')).toBe(undefined)
        expect(notices).toEqual([
          expect.stringMatching(/^Nothing was saved to the Actions cache: .* The run goes on without it\.$/),
        ])
        expect(notices[0]).toMatch(reason)
        expect(service.entries).toEqual([])
      },
      { limit: limit(reason) },
    )
  })

  test('who was late once is not asked again', async () => {
    service.fault = 'silent'
    await withStep(
      async ({ cache, folder, notices }) => {
        for (const _ of [1, 2]) await cache.restore(join(folder, 'records'), 'records-1', [])
        expect(await cache.save(folder, 'records-2')).toBe(undefined)
        expect(notices).toHaveLength(1)
      },
      { limit: 500 },
    )
  })

  test('who answers each time, but late, is asked no longer than the run has time for all of it', async () => {
    service.fault = 'slow'
    await withStep(
      async ({ cache, folder, notices }) => {
        const start = performance.now()
        for (let time = 0; time < 10; time++) await cache.restore(join(folder, 'records'), 'records-1', [])
        expect(await cache.save(folder, 'records-2')).toBe(undefined)
        expect(performance.now() - start).toBeLessThan(4000)
        expect(notices).toEqual([
          'Nothing was restored from the Actions cache: the 2 s that a run has for it are over. The run goes on without it.',
        ])
      },
      { limit: 2000 },
    )
  })

  const damage: CacheFault[] = ['corrupt', 'truncated', 'missing']
  test.each(damage)('what is saved instead of an entry that is %s is found by the next run', async (fault) => {
    await save('records-1', 'a text that is long enough to be cut into two')
    for (const time of [1, 2])
      await withStep(async ({ cache, folder, notices }) => {
        service.fault = fault
        for (const _ of [1, 2])
          expect(await cache.restore(join(folder, 'records'), 'records-', ['records-'])).toBe(undefined)
        service.fault = undefined
        await mkdir(join(folder, 'records'))
        await writeFile(join(folder, 'records', 'text'), `mended ${time}`)
        expect(await cache.save(join(folder, 'records'), 'records-1')).toMatch(/^records-1-[0-9a-f]{16}$/)
        expect(notices).toHaveLength(1)
        expect((await restore('records-', ['records-'])).text).toBe(`mended ${time}`)
      })
  })

  test('an entry of few bytes that would be many files or large ones', async () => {
    await save('records-1', 'first')
    await using large = await temporaryFolder('large')
    await mkdir(join(large.path, 'records'))
    await writeFile(join(large.path, 'records', 'text'), '')
    await truncate(join(large.path, 'records', 'text'), 2_100_000_000)
    const [entry] = service.entries
    if (!entry) expect.fail('nothing was saved')
    const args = ['--create', '--sparse', '--zstd', '--directory', large.path, 'records']
    await service.replace(entry, execFileSync('tar', args, { encoding: 'buffer' }))
    expect(await restore('records-1')).toMatchObject({
      key: undefined,
      notices: [expect.stringMatching(/ its files have more than 2000000000 bytes\. /)],
    })
  })

  test('a cancelled run does not wait for it, and leaves no process', async () => {
    service.fault = 'silent'
    const cancel = new AbortController()
    await withStep(
      async ({ cache, folder }) => {
        const restored = cache.restore(join(folder, 'records'), 'records-1', [])
        await Promise.all([
          expect(restored).rejects.toThrow('cancelled'),
          setTimeout(1000).then(() => cancel.abort(new Error('cancelled'))),
        ])
        expect(await output('ps', ['-eo', 'args'])).not.toContain(folder)
      },
      { signal: cancel.signal },
    )
  })
})

describe('an archive that this action did not save writes nothing where it is not unpacked:', () => {
  /** Python's tarfile can write any header. */
  const members: Record<string, string> = {
    'an absolute name': `add('@OUTSIDE@/file')`,
    'a name with ..': `add('../../../../../../../..@OUTSIDE@/file')`,
    'a link to a folder and a file in it': `link('records/link', '@OUTSIDE@'); add('records/link/file')`,
    'a relative link to a folder and a file in it': `link('records/link', '../../../../../../../..@OUTSIDE@'); add('records/link/file')`,
    'a chain of links': `link('records/a', '..'); link('records/b', 'a/../../../../../../../../@OUTSIDE@'); add('records/b/file')`,
    'a hard link to a file outside': `link('records/text', '@OUTSIDE@/there', tarfile.LNKTYPE); add('records/text')`,
    'a link in place of the folder': `link('records', '@OUTSIDE@'); add('records/file')`,
    'a link in place of a file': `link('records/text', '@OUTSIDE@/file'); add('records/text')`,
    'a link': `link('records/text', '@OUTSIDE@/there')`,
    'a hard link': `add('records/other'); link('records/text', 'records/other', tarfile.LNKTYPE)`,
    'a pipe': `link('records/text', '', tarfile.FIFOTYPE)`,
    'a device': `link('records/text', '', tarfile.CHRTYPE)`,
    'a folder that cannot be looked into': `folder('records', 0); link('records/text', '', tarfile.FIFOTYPE)`,
    'a file in place of the folder': `add('records')`,
    'another folder': `add('other/text')`,
  }

  let entry: CacheEntry

  beforeAll(async () => {
    service.fault = undefined
    service.clear()
    await save('records-to-replace', 'first')
    entry = service.entries[0] ?? expect.fail('nothing was saved')
  })

  test.each(Object.entries(members))('%s', async (_, statements) => {
    await using outside = await temporaryFolder('outside')
    await writeFile(join(outside.path, 'there'), 'untouched')
    await service.replace(entry, archive(statements.replaceAll('@OUTSIDE@', outside.path)))
    const restored = await restore(entry.key)
    expect(await readdir(outside.path)).toEqual(['there'])
    expect(await readFile(join(outside.path, 'there'), 'utf8')).toBe('untouched')
    // tar replaces the link by the file, and writes nothing to where the link leads.
    if (restored.key) expect(restored.text).toBe('evil')
    else expect(restored.notices).toHaveLength(1)
  })

  test.each(Object.entries(members).slice(0, 5))(
    '%s, which is unpacked elsewhere by `tar -P`',
    async (_, statements) => {
      await using outside = await temporaryFolder('outside')
      await using inside = await temporaryFolder('inside')
      await writeFile(join(inside.path, 'archive'), archive(statements.replaceAll('@OUTSIDE@', outside.path)))
      const args = ['--extract', '--zstd', '--file', join(inside.path, 'archive'), '--directory', inside.path, '-P']
      await output('tar', args)
      expect(await readdir(outside.path)).toEqual(['file'])
    },
  )

  const archive = (statements: string): Buffer =>
    execFileSync('bash', ['-c', 'python3 -c "$0" | zstd', `${python}\n${statements}\narchive.close()\n`], {
      encoding: 'buffer',
    })

  const python = `
import io, sys, tarfile
archive = tarfile.open(fileobj=sys.stdout.buffer, mode='w|')
def add(name):
    member = tarfile.TarInfo(name); member.size = 4
    archive.addfile(member, io.BytesIO(b'evil'))
def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name); member.type = kind; member.linkname = target
    archive.addfile(member)
def folder(name, mode):
    member = tarfile.TarInfo(name); member.type = tarfile.DIRTYPE; member.mode = mode
    archive.addfile(member)
`
})

test('the programs that are started for the cache do not get its token', async () => {
  await using folder = await temporaryFolder('programs')
  const seen = join(folder.path, 'seen')
  for (const name of ['tar', 'zstd']) {
    const program = await output('sh', ['-c', `command -v ${name}`])
    await writeFile(
      join(folder.path, name),
      `#!/bin/sh\nenv >>${seen}\necho "$@" >>${seen}\nexec ${program.trim()} "$@"\n`,
      { mode: 0o755 },
    )
  }
  await withStep(
    async ({ cache, folder }) => {
      await mkdir(join(folder, 'records'))
      expect(await cache.save(join(folder, 'records'), 'records-watched')).toBe('records-watched')
      expect(await cache.restore(join(folder, 'records'), 'records-watched', [])).toBe('records-watched')
    },
    { environment: { PATH: [folder.path, process.env['PATH']].join(':') } },
  )
  const text = await readFile(seen, 'utf8')
  expect(text).toContain('--files-from')
  expect(text).toContain('-xf')
  expect(text).not.toContain(service.environment()['ACTIONS_RUNTIME_TOKEN'])
})

test('links are not followed when something is saved', async () => {
  await withStep(async ({ cache, folder }) => {
    await mkdir(join(folder, 'records'))
    await symlink('/etc', join(folder, 'records', 'link'))
    expect(await cache.save(join(folder, 'records'), 'records-with-link')).toBe('records-with-link')
  })
  expect((await restore('records-with-link')).key).toBe(undefined)
})
