import { chmod, chown, copyFile, mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { CommandError, command } from '../../src/lib/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

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

test('a program is found on the PATH that it gets, in a folder of any name, and gets its arguments as they are', async () => {
  await using folder = await temporaryFolder('command')
  const programs = join(folder.path, 'two words')
  await mkdir(programs)
  await writeFile(join(programs, 'own'), '#!/bin/sh\nprintf "<%s>" "$@"\n')
  await chmod(join(programs, 'own'), 0o755)
  const words = ['', ' a  b ', '"', '\\', '\\"', '$HOME', '*', "'", '漢\n']
  const shown = words.map((word) => `<${word}>`).join('')
  const environment = { PATH: `${programs}:/usr/bin:/bin` }
  expect(await command('own', words, { ...options(), environment })).toBe(shown)
  expect(await command(join(programs, 'own'), words, { ...options(), environment })).toBe(shown)
  await expect(command('own', words, options())).rejects.toThrow('own cannot be started: it is not on the PATH.')
})

test('a program sees the environment that it is given, and nothing else but that a shell is above it', async () => {
  const environment = { PATH: process.env['PATH'] ?? '', OWN: 'a b' }
  const seen = (await command('env', [], { ...options(), environment })).trimEnd().split('\n')
  expect(seen.toSorted()).toEqual(['OWN=a b', `PATH=${environment.PATH}`, 'SHLVL=1'])
})

test('bash does not read what it reads of whoever logs in', async () => {
  await using folder = await temporaryFolder('command')
  await writeFile(join(folder.path, '.bashrc'), 'echo hello\n')
  const environment = { PATH: process.env['PATH'] ?? '', HOME: folder.path }
  for (const more of [{}, { input: 'x' }]) expect(await shell('echo done', { environment, ...more })).toBe('done\n')
})

test('a program that reads comes to the end, of nothing or of its input, and need not read it all', async () => {
  const input = 'x'.repeat(10_000_000)
  expect(await shell('cat')).toBe('')
  expect(await shell('cat', { input })).toBe(input)
  expect(await shell('exec 0<&-; echo done', { input })).toBe('done\n')
})

test('standard input stays open for as long as it should', async () => {
  const until = new AbortController()
  const lines: string[] = []
  const onLine = (line: string): void => {
    lines.push(line)
    setTimeout(() => until.abort(), 300)
  }
  const start = performance.now()
  await shell('echo up >&2; cat', { inputUntil: until.signal, onLine })
  expect(lines).toEqual(['up'])
  expect(performance.now() - start).toBeGreaterThan(290)
})

test('a program that a signal ends is said to have been ended by it', async () => {
  expect((await failure(shell('kill -9 $$'))).message).toBe('bash ended with SIGKILL')
})

test.each([
  ['that ends when it is told to', 'trap "exit 0" TERM; echo up >&2; while :; do sleep 0.05; done', false],
  ['that does not', 'trap "" TERM; echo up >&2; while :; do sleep 0.05; done', false],
  ['whose output another holds on to', 'sleep 8 & echo up >&2; exec sleep 8', false],
  ['with what it has started', 'bash -c "sleep 8" & echo up >&2; exec sleep 8', true],
])('a program %s is over soon after a cancel', async (_, script, endAll) => {
  const cancel = new AbortController()
  let sent = 0
  const onLine = (): void => {
    sent = performance.now()
    cancel.abort(new Error('cancelled'))
  }
  await expect(shell(script, { signal: cancel.signal, onLine, endAll })).rejects.toThrow('cancelled')
  expect(performance.now() - sent).toBeLessThan(2_500)
})

test('a cancel is over soon at whatever moment of a start it comes', async () => {
  const start = performance.now()
  const cancelled = async (turns: number): Promise<void> => {
    const cancel = new AbortController()
    const running = shell('exec sleep 8', { signal: cancel.signal })
    // A rejection before it is awaited must not count as unhandled.
    running.catch(() => {})
    for (let turn = 0; turn < turns; turn++) await setImmediate()
    cancel.abort(new Error('cancelled'))
    await expect(running).rejects.toThrow('cancelled')
  }
  await Promise.all(Array.from({ length: 40 }, (_, turns) => cancelled(turns)))
  expect(performance.now() - start).toBeLessThan(2_500)
})

test.each([
  ['', ''],
  [', also of what does not hold on to its output', 'exec >/dev/null 2>&1; '],
])('nothing is left of a program that is ended with what it has started%s', async (_, silence) => {
  const cancel = new AbortController()
  const started: string[] = []
  const onLine = (line: string): void => {
    if (started.push(line) === 3) cancel.abort(new Error('cancelled'))
  }
  const child = `trap "" TERM; echo $$ >&2; sleep 8 >/dev/null 2>&1 & echo $! >&2; ${silence}wait`
  const running = shell(`bash -c '${child}' & echo $$ >&2; wait`, { signal: cancel.signal, onLine, endAll: true })
  await expect(running).rejects.toThrow('cancelled')
  const isRunning = async (id: string): Promise<boolean> =>
    /^State:\s+[^ZX]/m.test(await readFile(`/proc/${id}/status`, 'utf8').catch(() => ''))
  expect(started).toHaveLength(3)
  const some = async (): Promise<boolean> => (await Promise.all(started.map(isRunning))).includes(true)
  await expect.poll(some, { timeout: 500 }).toBe(false)
})

test.each([
  ['is longer than any system takes', 'x'.repeat(10_000_000), 'E2BIG'],
  ['has a byte of zero', 'a\0b', 'null bytes'],
])('an argument that %s is an error, and not the end of the run', async (_, argument, message) => {
  await expect(command('echo', [argument], options())).rejects.toThrow(message)
})

test('arguments of 300 kB arrive', async () => {
  const words = Array.from({ length: 3 }, (_, index) => `${index}`.repeat(100_000))
  expect(await command('printf', ['%s', ...words], options())).toBe(words.join(''))
})

test('a program that somebody writes meanwhile is an error, and not the end of the run', async () => {
  await using folder = await temporaryFolder('command')
  const program = join(folder.path, 'busy')
  await copyFile(process.execPath, program)
  const file = await open(program, 'r+')
  await expect(command(program, [], options())).rejects.toThrow('ETXTBSY')
  await file.close()
})

test('what may be run is what the system runs', async () => {
  await using folder = await temporaryFolder('command')
  const program = join(folder.path, 'own')
  await writeFile(program, '#!/bin/sh\necho done\n', { mode: 0o700 })
  if (process.getuid?.() === 0) await chown(program, 65_534, 65_534)
  expect(await command(program, [], options())).toBe('done\n')
  await expect(command(join(folder.path, 'none'), [], options())).rejects.toThrow('/none cannot be started: ')
})

test('what is started when a line comes is on its own', async () => {
  const inner: Promise<string>[] = []
  const onLine = (): void => {
    inner.push(shell('cat', { input: 'inner', endAll: true }), shell('cat', { input: 'inner' }))
  }
  expect(await shell('echo up >&2; sleep 0.2; cat', { input: 'outer', onLine })).toBe('outer')
  expect(await Promise.all(inner)).toEqual(['inner', 'inner'])
})

test('what ends without an end of line, and a line of 60 MB, cost little', async () => {
  const lines: string[] = []
  const start = process.cpuUsage()
  const script = "head -c 60000000 /dev/zero | tr '\\0' x"
  const printed = await shell(`${script}; ${script} >&2`, { onLine: (line: string) => lines.push(line) })
  expect(printed).toHaveLength(60_000_000)
  expect(lines.map(({ length }) => length)).toEqual([16_385])
  expect(process.cpuUsage(start).user / 1e6).toBeLessThan(3)
})
