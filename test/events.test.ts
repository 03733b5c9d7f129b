import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cacheUse } from '../src/cache/cache-use.ts'
import { readContext } from '../src/inputs/context.ts'
import { readInputs } from '../src/inputs/read-inputs.ts'
import { plan } from '../src/plan.ts'
import { actionFile, evaluated, inputVariables, root, runAction, type StepResult } from './support/action.ts'
import { smallSet } from './support/nix.ts'
import { startRegistry } from './support/registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const commit = 'c0ffee0000000000000000000000000000000000'
const headCommit = 'badcafe000000000000000000000000000000000'
const pullRequest = (full_name: string) => ({ pull_request: { head: { sha: headCommit, repo: { full_name } } } })
const afterRunOf = (full_name: string) => ({ workflow_run: { event: 'pull_request', head_repository: { full_name } } })
const [own, fork] = [pullRequest('Owner/Repository'), pullRequest('Stranger/Repository')]
const [main, topic, tag, merge] = ['refs/heads/main', 'refs/heads/topic', 'refs/tags/v1', 'refs/pull/7/merge']
const queue = 'refs/heads/gh-readonly-queue/main/pr-7-c0ffee'

/**
 * Rows as in `docs/events.md`: the runner's variables for an event, the tag if the image is pushed, and what is saved.
 */
const events: readonly (readonly [string, string, string, object, string | undefined, string])[] = [
  ['`push` to the default branch', 'push', main, {}, commit, 'records, store paths'],
  ['`push` to another branch', 'push', topic, {}, commit, 'records'],
  ['`push` of a tag', 'push', tag, {}, commit, 'records'],
  ['`pull_request` from the same repository', 'pull_request', merge, own, headCommit, 'records'],
  ['`pull_request` from a fork', 'pull_request', merge, fork, undefined, 'nothing'],
  ['`pull_request_target` from the same repository', 'pull_request_target', main, own, headCommit, 'nothing'],
  ['`pull_request_target` from a fork', 'pull_request_target', main, fork, undefined, 'nothing'],
  ['`schedule`', 'schedule', main, { schedule: '0 4 * * *' }, commit, 'records, store paths'],
  ['`workflow_dispatch` on another branch', 'workflow_dispatch', topic, { inputs: {} }, commit, 'records'],
  ['`merge_group`', 'merge_group', queue, { merge_group: { head_sha: commit } }, commit, 'records'],
  ['`release`', 'release', tag, { release: { tag_name: 'v1' } }, commit, 'records'],
  [
    '`workflow_run` after a run of the repository',
    'workflow_run',
    main,
    afterRunOf('Owner/Repository'),
    commit,
    'nothing',
  ],
  [
    "`workflow_run` after a fork's pull request",
    'workflow_run',
    main,
    afterRunOf('Stranger/Repository'),
    undefined,
    'nothing',
  ],
  ['`issue_comment`', 'issue_comment', main, { issue: { pull_request: { url: 'https://x' } } }, commit, 'nothing'],
]

describe('by default', () => {
  test.each(events)('%s is pushed and saved as docs/events.md says', async (_, name, ref, payload, tag, saved) => {
    await using folder = await temporaryFolder('event')
    const file = join(folder.path, 'event.json')
    const event = { repository: { default_branch: 'main' }, ...payload }
    await writeFile(file, JSON.stringify(event))
    const environment = {
      GITHUB_EVENT_NAME: name,
      GITHUB_EVENT_PATH: file,
      GITHUB_REF: ref,
      GITHUB_REPOSITORY: 'Owner/Repository',
      GITHUB_SHA: commit,
      GITHUB_WORKSPACE: folder.path,
      RUNNER_ARCH: 'X64',
      RUNNER_OS: 'Linux',
      RUNNER_TEMP: folder.path,
    }
    const context = readContext(environment, join(root, 'dist', 'index.js'))
    const given = inputVariables(await actionFile(), { packages: 'tree' }, evaluated(commit, event))
    const inputs = readInputs((name) => given[`INPUT_${name.toUpperCase()}`] ?? '', context)
    expect(plan(inputs, context).target.push).toBe(tag !== undefined)
    if (tag !== undefined) expect([inputs.tags, context.commit]).toEqual([[tag], tag])
    const { records, storePaths } = cacheUse('true', context)
    expect([records.read, storePaths.read]).toEqual([true, true])
    const kinds = [records.save ? 'records' : [], storePaths.save ? 'store paths' : []].flat()
    expect(kinds.join(', ') || 'nothing').toBe(saved)
  })

  test('is what docs/events.md says of each event', async () => {
    const text = await readFile(join(root, 'docs', 'events.md'), 'utf8')
    const rows = [...text.matchAll(/^\| (`.+?) \| (yes|no) \| (.+?) \|/gm)].map(([, ...cells]) => cells)
    expect(rows).toEqual(events.map(([event, , , , tag, saved]) => [event, tag === undefined ? 'no' : 'yes', saved]))
  })
})

test('a tag that moves is told of: the default one as likely wrong, and all of them where a run is run again', async () => {
  await using registry = await startRegistry()
  const push = async (packages: string, attempt: string): Promise<StepResult> => {
    const environment = { GITHUB_SHA: commit, GITHUB_RUN_ATTEMPT: attempt }
    const tags = `${commit}\nlatest`
    const image = `${registry.host}/moved`
    const step = await runAction({ nixpkgs: smallSet, packages, image, tags }, { environment })
    expect(step.exitCode, step.log).toBe(0)
    return step
  }
  const told = ({ log }: StepResult): string[] => log.split('\n').filter((line) => line.includes(' and now names '))
  expect(told(await push('tree', '1'))).toEqual([])
  expect(told(await push('other', '1'))).toEqual([
    expect.stringMatching(
      /^::warning::\S+moved:c0ffee0+ named sha256:\w+ and now names sha256:\w+: another image was pushed for the same commit\. Entries of a matrix need `tags` or an `image` of their own\.$/,
    ),
  ])
  const again =
    /^::notice::\S+moved:\w+ named sha256:\w+ and now names sha256:\w+\. This is attempt 2 of a run for the commit c0ffee0+; if a newer commit had set the tag, run that one again\.$/
  expect(told(await push('tree', '2'))).toEqual([expect.stringMatching(again), expect.stringMatching(again)])
})
