import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CacheUse, cacheUse } from '../../src/cache/cache-use.ts'
import { type Context, readContext } from '../../src/inputs/context.ts'
import type { Inputs } from '../../src/inputs/read-inputs.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The context of a step that an event started on a ref. */
const contextOf = async (event: string, ref: string, payload: object = {}, cacheMode = ''): Promise<Context> => {
  await using folder = await temporaryFolder('event')
  const file = join(folder.path, 'event.json')
  await writeFile(file, JSON.stringify({ repository: { default_branch: 'main' }, ...payload }))
  const environment = {
    RUNNER_OS: 'Linux',
    RUNNER_ARCH: 'X64',
    RUNNER_TEMP: folder.path,
    GITHUB_WORKSPACE: folder.path,
    GITHUB_REPOSITORY: 'owner/name',
    GITHUB_EVENT_NAME: event,
    GITHUB_EVENT_PATH: file,
    GITHUB_REF: ref,
    ACTIONS_CACHE_MODE: cacheMode,
  }
  return readContext(environment, '/action/dist/index.js')
}

/** `rw` reads and saves, `r` only reads, `w` only saves, `-` does neither. */
const letters = ({ read, save }: CacheUse): string => `${read ? 'r' : ''}${save ? 'w' : ''}` || '-'

/** The uses of records and of store paths. */
const use = (cache: Inputs['cache'], context: Context): string => {
  const { records, storePaths } = cacheUse(cache, context)
  return `${letters(records)} ${letters(storePaths)}`
}

const headOf = (full_name: string): object => ({ pull_request: { head: { repo: { full_name } } } })

describe('with `cache`, records and store paths are read and saved, by event:', () => {
  test.each<[string, string, string, object, Record<Inputs['cache'], string>]>([
    [
      'a push to the default branch',
      'push',
      'refs/heads/main',
      {},
      { true: 'rw rw', write: 'rw rw', read: 'r r', false: '- -' },
    ],
    [
      'a push to another branch',
      'push',
      'refs/heads/topic',
      {},
      { true: 'rw r', write: 'rw rw', read: 'r r', false: '- -' },
    ],
    [
      'a push to a branch named like a tag of the default branch',
      'push',
      'refs/tags/main',
      {},
      { true: 'rw r', write: 'rw rw', read: 'r r', false: '- -' },
    ],
    ['a tag', 'push', 'refs/tags/v1', {}, { true: 'rw r', write: 'rw rw', read: 'r r', false: '- -' }],
    ['a release', 'release', 'refs/tags/v1', {}, { true: 'rw r', write: 'rw rw', read: 'r r', false: '- -' }],
    [
      'a pull request',
      'pull_request',
      'refs/pull/7/merge',
      headOf('owner/name'),
      { true: 'rw r', write: 'rw rw', read: 'r r', false: '- -' },
    ],
    [
      'a pull request from a fork',
      'pull_request',
      'refs/pull/7/merge',
      headOf('other/name'),
      { true: 'r r', write: 'r r', read: 'r r', false: '- -' },
    ],
    [
      'a pull request target',
      'pull_request_target',
      'refs/heads/main',
      headOf('other/name'),
      { true: 'r r', write: 'r r', read: 'r r', false: '- -' },
    ],
    [
      'a run after another workflow',
      'workflow_run',
      'refs/heads/main',
      {},
      { true: 'r r', write: 'r r', read: 'r r', false: '- -' },
    ],
    ['a comment', 'issue_comment', 'refs/heads/main', {}, { true: 'r r', write: 'r r', read: 'r r', false: '- -' }],
    [
      'a merge queue',
      'merge_group',
      'refs/heads/gh-readonly-queue/main/pr-7-0123',
      {},
      { true: 'rw r', write: 'rw rw', read: 'r r', false: '- -' },
    ],
    [
      'a schedule, whose event does not name the branch',
      'schedule',
      'refs/heads/main',
      { repository: undefined },
      { true: 'rw rw', write: 'rw rw', read: 'r r', false: '- -' },
    ],
    [
      'a manual run on the default branch',
      'workflow_dispatch',
      'refs/heads/main',
      {},
      { true: 'rw rw', write: 'rw rw', read: 'r r', false: '- -' },
    ],
    [
      'a manual run on another branch',
      'workflow_dispatch',
      'refs/heads/topic',
      {},
      { true: 'rw r', write: 'rw rw', read: 'r r', false: '- -' },
    ],
    [
      'an event that names no branch',
      'push',
      'refs/heads/main',
      { repository: undefined },
      { true: 'rw r', write: 'rw rw', read: 'r r', false: '- -' },
    ],
  ])('%s', async (_, event, ref, payload, expected) => {
    const context = await contextOf(event, ref, payload)
    for (const [cache, uses] of Object.entries(expected))
      expect([cache, use(cache as Inputs['cache'], context)]).toEqual([cache, uses])
  })
})

test.each([
  ['', 'rw rw'],
  ['write', 'rw rw'],
  [' Write ', 'rw rw'],
  ['read', 'r r'],
  ['write-only', 'w w'],
  ['none', '- -'],
  ['a mode of tomorrow', 'rw rw'],
])('the workflow’s `cache-mode: %s` takes away from `cache: true`', async (mode, uses) => {
  const context = await contextOf('push', 'refs/heads/main', {}, mode)
  expect(use('true', context)).toBe(uses)
  expect(use('false', context)).toBe('- -')
})
