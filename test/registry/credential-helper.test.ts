import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askCredentialHelper, type HelperPorts } from '../../src/registry/credential-helper.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const ask = async (script: string, ports: Partial<HelperPorts> = {}): Promise<unknown> => {
  const file = join(folder, 'docker-credential-test')
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  const environment = { PATH: `${folder}:/usr/bin:/bin`, FOLDER: folder }
  return askCredentialHelper('test', 'example.org', {
    ...{ environment, signal: new AbortController().signal, limit: 500 },
    ...ports,
  })
}
const sentence = (reason: string): string =>
  `docker-credential-test, which Docker's config.json names, gives no credentials for example.org (${reason}); log in again, or give \`username\` and \`password\`.`

/** Whether the process whose ID is in this file of the folder is gone. */
const isGone = async (file: string): Promise<boolean> => {
  const id = Number(await readFile(join(folder, file), 'utf8'))
  for (let tries = 0; tries < 50; tries++) {
    try {
      process.kill(id, 0)
    } catch {
      return true
    }
    await setTimeout(50)
  }
  return false
}

test.each([
  ['that hangs', 'echo $$ > "$FOLDER/id"; exec sleep 100'],
  ['that will not end when it is told to', 'trap "" TERM; echo $$ > "$FOLDER/id"; while :; do sleep 0.1; done'],
  ['whose child hangs', 'sleep 100 & echo $! > "$FOLDER/id"; wait'],
  ['that says a byte now and then', 'echo $$ > "$FOLDER/id"; while :; do printf x; sleep 0.1; done'],
])('a helper %s is ended', async (_, script) => {
  const start = performance.now()
  await expect(ask(script)).rejects.toThrow(sentence('it gave no answer in 0.5 s'))
  expect(performance.now() - start).toBeLessThan(4000)
  expect(await isGone('id')).toBe(true)
})

test('one that has ended is not waited for because of what it started', async () => {
  const start = performance.now()
  await expect(ask('sleep 5 & exit 0')).rejects.toThrow(sentence('it gave no answer in 0.5 s'))
  expect(performance.now() - start).toBeLessThan(4000)
})

test.each([
  ['prints', 'yes', 20_000, 'docker-credential-test ended with more than 1 MB of output'],
  ['complains', 'yes >&2', 1000, 'it gave no answer in 1 s'],
  ['complains, on one line,', 'cat /dev/zero >&2', 1000, 'it gave no answer in 1 s'],
])('a helper that %s without end is ended', async (_, script, limit, reason) => {
  const start = performance.now()
  await expect(ask(`echo $$ > "$FOLDER/id"; exec ${script}`, { limit })).rejects.toThrow(sentence(reason))
  expect(performance.now() - start).toBeLessThan(10_000)
  expect(await isGone('id')).toBe(true)
})

test('one that is under way when the run is cancelled is ended, and that is the error', async () => {
  const cancel = new AbortController()
  const asked = ask('exec sleep 100', { signal: cancel.signal })
  await setTimeout(100)
  cancel.abort(new Error('cancelled'))
  await expect(asked).rejects.toThrow('cancelled')
})

test('one that takes its time gets it', async () => {
  const known = { username: 'me', password: 'kept' }
  expect(await ask(`sleep 0.2; echo '{"Username":"me","Secret":"kept"}'`, { limit: 30_000 })).toEqual(known)
})

test.each(['/bin/sh', '../x', 'a b', '', 'a;b', 'a\nb'])('%j is not the name of a helper', async (name) => {
  const ports = { environment: { PATH: folder }, signal: new AbortController().signal }
  await expect(askCredentialHelper(name, 'example.org', ports)).rejects.toThrow('(it is not the name of a helper)')
})
