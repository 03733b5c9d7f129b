import { describe, expect, test } from 'vitest'
import type { Contents } from '../../src/image/contents.ts'
import { logContents, missingShell } from '../../src/report/log-contents.ts'
import { closureOf, pathOf } from '../support/closures.ts'
import { silentLog } from '../support/log.ts'
import { gitPackage } from '../support/outcomes.ts'

const contents: Contents = {
  packages: [],
  withoutFiles: [],
  conflicts: [],
  danglingLinks: [],
  hasShell: true,
  closure: closureOf(['git-2.51.0'], { 'git-2.51.0': { size: 10_000_000 } }),
  defaults: { env: {}, cmd: undefined },
  layers: [],
}

/** What the run's page shows. */
const noticesOf = (changes: Partial<Contents>): string[] => {
  const notices: string[] = []
  logContents({ ...contents, ...changes }, { ...silentLog, notice: (message) => notices.push(message) })
  return notices
}

const packageOf = (attr: string, ...outputs: string[]) => ({
  ...gitPackage,
  attr,
  outputs: outputs.map((name) => ({ name, path: pathOf(`${attr}-${name}`) })),
})

test('packages of which nothing is linked are named, with what to do', () => {
  const packages = [
    packageOf('script', 'out'),
    packageOf('two', 'dev', 'out'),
    packageOf('half', 'dev', 'out'),
    packageOf('full', 'out'),
    packageOf('not-linked'),
  ]
  const withoutFiles = ['script-out', 'two-dev', 'two-out', 'half-dev'].map(pathOf)
  expect(noticesOf({ packages, withoutFiles })).toEqual([
    'Nothing is linked from the root of the image to these packages: script, two. They have no folder with files in it. Run what they have by its store path, which the output `metadata-file` names, or list a package, or an output such as `curl.bin`, that has the files.',
  ])
  expect(noticesOf({ packages, withoutFiles: [] })).toEqual([])
})

test('many packages of which nothing is linked are one notice, which names the first', () => {
  const packages = Array.from({ length: 25 }, (_, index) => packageOf(`script${index}`, 'out'))
  const [notice] = noticesOf({
    packages,
    withoutFiles: packages.flatMap(({ outputs }) => outputs.map(({ path }) => path)),
  })
  expect(notice).toContain('script18, script19 and 5 more. They have no folder')
})

describe('a health check that is a line for a shell', () => {
  const line = { test: ['CMD-SHELL', 'test -e /ready'] }

  test('is told of, where one of the images has none', () => {
    expect(missingShell(line, [{ hasShell: true }, { hasShell: false }])).toBe(
      '`healthcheck` has a line for a shell, but the image has no /bin/sh; write the program and its arguments, as in `{ "test": ["CMD", "curl", "--fail", "http://localhost:8080"] }`, or list `bash` in `packages`.',
    )
  })

  test('is right where each image has one, and others need none', () => {
    expect(missingShell(line, [{ hasShell: true }])).toBeUndefined()
    expect(missingShell({ test: ['CMD', 'test', '-e', '/ready'] }, [{ hasShell: false }])).toBeUndefined()
    expect(missingShell(undefined, [{ hasShell: false }])).toBeUndefined()
  })
})
