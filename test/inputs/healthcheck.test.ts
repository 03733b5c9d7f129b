import { describe, expect, test } from 'vitest'
import { parseHealthcheck } from '../../src/inputs/healthcheck.ts'
import type { Healthcheck } from '../../src/oci/image.ts'

const read = (text: string): { healthcheck: Healthcheck | undefined; problems: string[] } => {
  const problems: string[] = []
  const healthcheck = parseHealthcheck(text, (sentence) => problems.push(sentence))
  return { healthcheck, problems }
}

test.each<[string, Healthcheck | undefined]>([
  ['', undefined],
  ['curl --fail http://localhost', { test: ['CMD', 'curl', '--fail', 'http://localhost'] }],
  ["sh -c 'test -e /ready || exit 1'", { test: ['CMD', 'sh', '-c', 'test -e /ready || exit 1'] }],
  ['["test", "-e", "/a b"]', { test: ['CMD', 'test', '-e', '/a b'] }],
  ['["CMD", "true"]', { test: ['CMD', 'true'] }],
  ['CMD true', { test: ['CMD', 'true'] }],
  ['["CMD-SHELL", "test -e /ready"]', { test: ['CMD-SHELL', 'test -e /ready'] }],
  ['{ "test": "test -e /ready || exit 1" }', { test: ['CMD-SHELL', 'test -e /ready || exit 1'] }],
  ['{ "test": ["true"], "interval": "30s" }', { test: ['CMD', 'true'], interval: 30_000_000_000 }],
  [
    `{ "test": ["CMD", "true"], "interval": "1m30s", "timeout": "500ms", "start-period": "1.5h", "start-interval": "24h",
       "retries": 3 }`,
    {
      test: ['CMD', 'true'],
      interval: 90_000_000_000,
      timeout: 500_000_000,
      startPeriod: 5_400_000_000_000,
      startInterval: 86_400_000_000_000,
      retries: 3,
    },
  ],
  ['{ "test": ["true"], "timeout": "1000us" }', { test: ['CMD', 'true'], timeout: 1_000_000 }],
  ['{ "test": ["true"], "start-period": "0s" }', { test: ['CMD', 'true'], startPeriod: 0 }],
  ['{ "test": ["true"], "timeout": "0.3s" }', { test: ['CMD', 'true'], timeout: 300_000_000 }],
])('%j is %j', (text, healthcheck) => {
  expect(read(text)).toEqual({ healthcheck, problems: [] })
})

describe('refused is', () => {
  const example = '`{ "test": ["CMD", "curl", "--fail", "http://localhost:8080"], "interval": "30s" }`'
  const object = `\`healthcheck\` starts with \`{\` and is no JSON object; write it as in ${example}.`
  const none = '`healthcheck` has no program at its start; write one, as in `curl --fail http://localhost:8080`.'
  const shell =
    '`healthcheck` has `CMD-SHELL`, which takes one string; write it as in `["CMD-SHELL", "test -e /ready"]`.'
  const command = (value: string): string =>
    `\`healthcheck\` has ${value}; write a line for a shell, or an array of strings, as in ${example}.`
  const time = (value: string): string =>
    `\`healthcheck\` has \`interval\` ${value}; write a time from \`1ms\` to \`24h\`, as in \`30s\`.`
  const retries = (value: string): string => `\`healthcheck\` has \`retries\` ${value}; write a number from 1 to 1000.`
  const unknown = (name: string): string =>
    `\`healthcheck\` has "${name}"; write \`test\`, \`interval\`, \`timeout\`, \`start-period\`, \`start-interval\`, \`retries\`.`
  const withTime = (value: string): string => `{ "test": ["true"], "interval": ${value} }`
  const withRetries = (value: string): string => `{ "test": ["true"], "retries": ${value} }`

  test.each<[string, string[]]>([
    ['{ "test": ', [object]],
    ['{}', [command('no `test`')]],
    ['{ "test": 1 }', [command('`test` 1')]],
    ['{ "test": [1] }', [command('`test` [1]')]],
    ['{ "test": "" }', [shell]],
    ['{ "test": "  " }', [shell]],
    ['{ "test": "a\\u0000b" }', [command('`test` "a\\u0000b"')]],
    ...['CMD', 'CMD-SHELL', 'NONE'].map((keyword): [string, string[]] => [
      `{ "test": "${keyword} curl x" }`,
      [
        `\`healthcheck\` has \`test\` "${keyword} curl x", of which a shell would run \`${keyword}\`; write the line without it, or an array, as in ${example}.`,
      ],
    ]),
    ['{ "test": [] }', [none]],
    ['[]', [none]],
    ['""', [none]],
    ['["CMD"]', [none]],
    ['["CMD-SHELL", "a", "b"]', [shell]],
    ['NONE', ['`healthcheck` is `NONE`, but an image has no health check without this input; leave it out.']],
    [
      '--interval=30s CMD true',
      [`\`healthcheck\` starts with \`--interval=30s\`; write a JSON object for that, as in ${example}.`],
    ],
    [
      'curl x || exit 1',
      [
        "`healthcheck` has a `|` that only a shell would understand; write it in single quotes, or start a shell as in `sh -c '…'`.",
      ],
    ],
    ...['30', '"30"', '"-1s"', '"0s"', '"999us"', '"25h"', '"1d"', '" 1s"', '"1s x"', 'null'].map(
      (value): [string, string[]] => [withTime(value), [time(value)]],
    ),
    ...['0', '-1', '1.5', '"3"', '1001', 'null'].map((value): [string, string[]] => [
      withRetries(value),
      [retries(value)],
    ]),
    ['{ "test": ["true"], "start_period": "1s" }', [unknown('start_period')]],
    ['{ "Test": ["true"], "interval": 1 }', [unknown('Test'), command('no `test`')]],
  ])('%j', (text, problems) => {
    expect(read(text).problems).toEqual(problems)
  })
})
