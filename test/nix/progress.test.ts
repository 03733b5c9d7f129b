import { expect, test } from 'vitest'
import type { Log } from '../../src/lib/log.ts'
import { reportProgress } from '../../src/nix/progress.ts'
import { silentLog } from '../support/log.ts'

/** The log messages for lines that Nix writes. */
const told = (lines: readonly string[]): string[] => {
  const messages: string[] = []
  const log: Log = { ...silentLog, info: (message) => messages.push(message) }
  const follow = reportProgress(log)
  for (const line of lines) follow.line(line)
  follow.end()
  return messages
}

test('what will be built and fetched is told in one line each, and not every path', () => {
  expect(
    told([
      'these 2 derivations will be built:',
      '  /nix/store/0yxllrqpc42jwqmwhmkk9vbn3i73jjia-tree-1.0.drv',
      '  /nix/store/24gbh3sv74xnfrvarjjw847irsw1d7s1-coreutils-9.drv',
      'these 3 paths will be fetched (15.1 MiB download, 55.8 MiB unpacked):',
      '  /nix/store/8f50ifwrh41mngdc4dgnp3hvf24a7ywn-bash-5.2.15',
      "copying path '/nix/store/8f50ifwrh41mngdc4dgnp3hvf24a7ywn-bash-5.2.15' from 'http://127.0.0.1/cache'...",
      "building '/nix/store/0yxllrqpc42jwqmwhmkk9vbn3i73jjia-tree-1.0.drv'...",
    ]),
  ).toEqual([
    'these 2 derivations will be built',
    'these 3 paths will be fetched (15.1 MiB download, 55.8 MiB unpacked)',
    "building '/nix/store/0yxllrqpc42jwqmwhmkk9vbn3i73jjia-tree-1.0.drv'...",
  ])
})

test('warnings are told, but not the one about our own way to keep a result', () => {
  expect(
    told([
      "warning: unknown setting 'no-such-setting'",
      "warning: you did not specify '--add-root'; the result might be removed by the garbage collector",
    ]),
  ).toEqual(["warning: unknown setting 'no-such-setting'"])
})

test('of many lines of a kind, the first are told and how many there are more; of a long one, its start', () => {
  const lines = told([
    ...Array.from({ length: 100_000 }, (_, index) => `trace: ${index}`),
    ...Array.from({ length: 150 }, (_, index) => `warning: ${index}`),
    `building '${'x'.repeat(10_000)}'...`,
  ])
  expect(lines).toHaveLength(100 + 100 + 1 + 2)
  expect(lines.slice(-3)).toEqual([
    `building '${'x'.repeat(1_990)}…`,
    '… and 99900 more lines that start with `trace:`',
    '… and 50 more lines that start with `warning:`',
  ])
})

test('debug lines have a limit, too', () => {
  const messages: string[] = []
  const follow = reportProgress({ ...silentLog, debug: (message) => messages.push(message) })
  for (let index = 0; index < 20_000; index++) follow.line(`line ${index}`)
  follow.end()
  expect(messages).toHaveLength(10_001)
  expect(messages.at(-1)).toBe('… and 10000 more lines')
})
