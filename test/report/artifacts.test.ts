import { expect, test } from 'vitest'
import { artifactLine } from '../../src/report/artifacts.ts'
import { outcome } from '../support/outcomes.ts'

const { digest } = outcome().descriptor
const line = `oci://ghcr.io/owner/name@${digest}\n`
const other = `sha256:${'0'.repeat(64)}`
const listOf = (...subjects: { name: string; digest: string }[]): string =>
  JSON.stringify({ version: 1, subjects: subjects.map((subject) => ({ ...subject, kind: 'oci' })) })

test.each([
  ['where the runner keeps no list', '', line],
  ['where the list is empty', listOf(), line],
  ['beside another repository', listOf({ name: 'ghcr.io/owner/other', digest: other }), line],
  ['again, which the runner takes', listOf({ name: 'ghcr.io/owner/name', digest }), line],
  [
    'but not beside another image of its repository, for which the runner would fail the step',
    listOf({ name: 'ghcr.io/owner/name', digest: other }),
    undefined,
  ],
])('an image is declared by its digest %s', (_, declared, expected) => {
  expect(artifactLine(outcome(), declared)).toBe(expected)
})

test('a list that is none is refused', () => {
  expect(() => artifactLine(outcome(), '{}')).toThrow('GITHUB_ARTIFACTS_LIST: subjects should be a list')
})
