import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../support/action.ts'
import { repository } from '../support/documents.ts'
import { run } from '../support/process.ts'

const changelog = `# Changelog

## [Unreleased]

## [1.2.0] - 2026-02-03

### Added

- Two.

## [1.1.0] - 2026-01-02

- One.

## [1.0.0] - 2026-01-01
`

const notes = (tag: string, from: string) =>
  run(process.execPath, [join(root, 'scripts', 'release-notes.ts'), tag, from], { input: changelog })

test.each([
  ['v1.2.0', '### Added\n\n- Two.\n'],
  ['v1.1.0', '- One.\n'],
])('the notes of %s are its section', async (tag, stdout) => {
  expect(await notes(tag, repository)).toEqual({ exitCode: 0, stdout, stderr: '' })
})

test.each([
  ['v1.0.0', repository, 'CHANGELOG.md says nothing of 1.0.0; '],
  ['v1.2.1', repository, 'CHANGELOG.md says nothing of 1.2.1; '],
  ['v1.2', repository, 'v1.2 is not a tag of a release; write it as v1.2.3.'],
  ['v1.2.0', 'fork/nix-image-action', 'package.json names github:'],
])('%s of %s is no release', async (tag, from, sentence) => {
  const { exitCode, stdout, stderr } = await notes(tag, from)
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toContain(sentence)
})
