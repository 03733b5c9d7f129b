import { isRecord } from '../lib/check.ts'
import type { Healthcheck } from '../oci/image.ts'
import type { Problem } from './problem.ts'
import { parseWords } from './words.ts'

/** The times of a health check by their names in the input. */
const times = {
  interval: 'interval',
  timeout: 'timeout',
  'start-period': 'startPeriod',
  'start-interval': 'startInterval',
} as const

const names = ['test', ...Object.keys(times), 'retries']

const example = '{ "test": ["CMD", "curl", "--fail", "http://localhost:8080"], "interval": "30s" }'

/**
 * The input `healthcheck`: a command in words as `cmd` has them, or a JSON object with the command as `test`, and with
 * its times. `undefined` if nothing is given. Sources: Docker Engine API, `HealthConfig`; Compose specification,
 * "healthcheck".
 */
export const parseHealthcheck = (text: string, problem: Problem): Healthcheck | undefined => {
  if (!text.startsWith('{')) {
    const words = parseWords('healthcheck', text, problem)
    return words && withTest(words, problem)
  }
  const fields = parseObject(text)
  if (!fields) {
    problem(`\`healthcheck\` starts with \`{\` and is no JSON object; write it as in \`${example}\`.`)
    return undefined
  }
  for (const name of Object.keys(fields).filter((name) => !names.includes(name)))
    problem(`\`healthcheck\` has ${JSON.stringify(name)}; write ${names.map((name) => `\`${name}\``).join(', ')}.`)
  const { test, retries } = fields
  if (retries !== undefined && !(Number.isInteger(retries) && Number(retries) >= 1 && Number(retries) <= mostRetries))
    problem(`\`healthcheck\` has \`retries\` ${JSON.stringify(retries)}; write a number from 1 to ${mostRetries}.`)
  const [, keyword] = typeof test === 'string' ? (/^\s*(CMD-SHELL|CMD|NONE)(\s|$)/.exec(test) ?? []) : []
  if (keyword)
    problem(
      `\`healthcheck\` has \`test\` ${JSON.stringify(test)}, of which a shell would run \`${keyword}\`; write the line without it, or an array, as in \`${example}\`.`,
    )
  const words = wordsOf(test)
  if (!words)
    problem(
      `\`healthcheck\` has ${test === undefined ? 'no `test`' : `\`test\` ${JSON.stringify(test)}`}; write a line for a shell, or an array of strings, as in \`${example}\`.`,
    )
  return (
    words && {
      ...withTest(words, problem),
      ...Object.fromEntries(
        Object.entries(times).flatMap(([name, member]) =>
          fields[name] === undefined ? [] : [[member, parseTime(name, fields[name], problem)]],
        ),
      ),
      ...(retries !== undefined && { retries: Number(retries) }),
    }
  )
}

const mostRetries = 1000

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    // The problem is reported by the caller.
    return undefined
  }
}

/** As in a Compose file, a string is for the image's shell. */
const wordsOf = (test: unknown): readonly string[] | undefined => {
  const isWord = (word: unknown): word is string => typeof word === 'string' && !word.includes('\0')
  if (isWord(test)) return ['CMD-SHELL', test]
  return Array.isArray(test) && test.every(isWord) ? test : undefined
}

/** The words may start with `CMD` or `CMD-SHELL`, as Docker has them. */
const withTest = (words: readonly string[], problem: Problem): Healthcheck => {
  const [first = '', ...rest] = words
  if (first === 'NONE')
    problem('`healthcheck` is `NONE`, but an image has no health check without this input; leave it out.')
  else if (first.startsWith('--'))
    problem(`\`healthcheck\` starts with \`${first}\`; write a JSON object for that, as in \`${example}\`.`)
  else if (first === 'CMD-SHELL' && (rest.length !== 1 || !rest[0]?.trim()))
    problem('`healthcheck` has `CMD-SHELL`, which takes one string; write it as in `["CMD-SHELL", "test -e /ready"]`.')
  else if (!(first === 'CMD' ? rest[0] : first))
    problem('`healthcheck` has no program at its start; write one, as in `curl --fail http://localhost:8080`.')
  return { test: first === 'CMD' || first === 'CMD-SHELL' ? words : ['CMD', ...words] }
}

/** Nanoseconds of the units that Go's `time.ParseDuration` knows. */
const units: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }
const most = 24 * 3600e9

/** A time in nanoseconds. */
const parseTime = (name: string, value: unknown, problem: Problem): number => {
  const text = typeof value === 'string' ? value : ''
  const parts = /^(?:\d+(?:\.\d+)?(?:[nuµm]?s|m|h))+$/.test(text) ? [...text.matchAll(/([\d.]+)([^\d.]+)/g)] : []
  const time = Math.round(parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0))
  // Docker's own default is to give a container no time at its start.
  const least = name === 'start-period' ? 0 : 1e6
  if (parts.length === 0 || time < least || time > most)
    problem(
      `\`healthcheck\` has \`${name}\` ${JSON.stringify(value)}; write a time from \`${least === 0 ? '0s' : '1ms'}\` to \`24h\`, as in \`30s\`.`,
    )
  return time
}
