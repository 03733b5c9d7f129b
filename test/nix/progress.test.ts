import { expect, test } from 'vitest'
import type { Log } from '../../src/log.ts'
import { reportProgress } from '../../src/nix/progress.ts'
import { silentLog } from '../support/log.ts'

/** What is told of lines that Nix writes. */
const told = (lines: readonly string[]): string[] => {
  const messages: string[] = []
  const log: Log = { ...silentLog, info: (message) => messages.push(message) }
  const follow = reportProgress(log)
  for (const line of lines) follow(line)
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
