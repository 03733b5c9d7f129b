import { expect, test } from 'vitest'
import { CommandError, command } from '../../src/lib/command.ts'

const options = () => ({ environment: { PATH: process.env['PATH'] ?? '' }, signal: new AbortController().signal })
const shell = (script: string, more = {}) => command('bash', ['-c', script], { ...options(), ...more })
const failure = async (work: Promise<unknown>): Promise<CommandError> => {
  const error = await work.then(
    () => undefined,
    (cause) => cause,
  )
  expect(error).toBeInstanceOf(CommandError)
  return error
}

test('what a program prints is returned, and each line of its standard error is told', async () => {
  const lines: string[] = []
  const onLine = (line: string) => lines.push(line)
  expect(await shell('printf "a\\nb"; printf "c\\nd" >&2', { onLine })).toBe('a\nb')
  expect(lines).toEqual(['c', 'd'])
})

test('a program that prints too much is ended, and what it had printed is kept up to there', async () => {
  const error = await failure(shell('echo first; echo said >&2; yes', { outputLimit: 1_000_000 }))
  expect(error.message).toBe('bash ended with more than 1 MB of output')
  expect(error.stdout.startsWith('first\ny\n')).toBe(true)
  expect(error.stdout.length).toBeLessThanOrEqual(1_000_000)
  expect(error.stderr).toBe('said')
  expect(await shell('head -c 1000000 /dev/zero', { outputLimit: 1_000_000 })).toHaveLength(1_000_000)
})

test('of what a program says that fails, the start and the end are kept', async () => {
  const { stderr } = await failure(shell('echo start >&2; seq 1000000 >&2; echo end >&2; exit 3'))
  expect(stderr).toMatch(/^start\n1\n2\n/)
  expect(stderr).toMatch(/\n… \d+ lines are left out …\n/)
  expect(stderr).toMatch(/\n1000000\nend$/)
  expect(stderr.length).toBeLessThan(700_000)
})

test('a program starts in the folder that is named', async () => {
  expect(await shell('pwd', { cwd: '/' })).toBe('/\n')
  expect(await shell('pwd')).toBe(`${process.cwd()}\n`)
})
