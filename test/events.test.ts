import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readContext } from '../src/context.ts'
import { readInputs } from '../src/inputs.ts'
import { plan } from '../src/plan.ts'
import { actionFile, evaluated, inputVariables, root, runAction, type StepResult } from './support/action.ts'
import { smallSet } from './support/nix.ts'
import { startRegistry } from './support/registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const commit = 'c0ffee0000000000000000000000000000000000'
const headCommit = 'badcafe000000000000000000000000000000000'
const pullRequest = (full_name: string) => ({ pull_request: { head: { sha: headCommit, repo: { full_name } } } })
const [own, fork] = [pullRequest('Owner/Repository'), pullRequest('Stranger/Repository')]

/** Rows as in `docs/events.md`: what the runner says of the event, and what is pushed. */
const events: readonly (readonly [string, { name: string; ref?: string; payload?: unknown }, string | undefined])[] = [
  ['`push` to a branch', { name: 'push', ref: 'refs/heads/main' }, commit],
  ['`push` of a tag', { name: 'push', ref: 'refs/tags/v1' }, commit],
  ['`pull_request` from the same repository', { name: 'pull_request', payload: own }, headCommit],
  ['`pull_request` from a fork', { name: 'pull_request', payload: fork }, undefined],
  ['`pull_request_target`', { name: 'pull_request_target', payload: fork }, headCommit],
  ['`schedule`', { name: 'schedule', payload: { schedule: '0 4 * * *' } }, commit],
  ['`workflow_dispatch`', { name: 'workflow_dispatch', payload: { inputs: {} } }, commit],
  ['`merge_group`', { name: 'merge_group', payload: { merge_group: { head_sha: commit } } }, commit],
  ['`release`', { name: 'release', ref: 'refs/tags/v1', payload: { release: { tag_name: 'v1' } } }, commit],
  ['`workflow_run`', { name: 'workflow_run', payload: { workflow_run: { head_repository: { fork: true } } } }, commit],
]

describe('with push: auto', () => {
  test.each(events)('%s', async (_, { name, ref = 'refs/heads/main', payload = {} }, tag) => {
    await using folder = await temporaryFolder('event')
    const file = join(folder.path, 'event.json')
    await writeFile(file, JSON.stringify(payload))
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
    const given = inputVariables(await actionFile(), { packages: 'tree' }, evaluated(commit, payload))
    const inputs = readInputs((name) => given[`INPUT_${name.toUpperCase()}`] ?? '', context)
    expect(plan(inputs, context).push).toBe(tag !== undefined)
    if (tag !== undefined) expect([inputs.tags, context.commit]).toEqual([[tag], tag])
  })

  test('each event is told of in docs/events.md', async () => {
    const rows = (await readFile(join(root, 'docs', 'events.md'), 'utf8')).matchAll(/^\| (`.+?) \| (yes|no) \|/gm)
    expect([...rows].map(([, event, pushed]) => [event, pushed])).toEqual(
      events.map(([event, , tag]) => [event, tag === undefined ? 'no' : 'yes']),
    )
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
