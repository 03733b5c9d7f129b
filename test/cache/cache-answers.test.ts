import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ActionsCache, openActionsCache } from '../../src/cache/actions-cache.ts'
import { cacheBudget } from '../../src/cache/cache-budget.ts'
import { silentLog } from '../support/log.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

/** How the cache reads the output and the files of its process. Another program takes the place of that process. */

let machine: TemporaryFolder
let notices: string[]
let debug: string[]
let secrets: string[]

beforeEach(async () => {
  machine = await temporaryFolder('answers')
  ;[notices, debug, secrets] = [[], [], []]
})
afterEach(() => machine[Symbol.asyncDispose]())

/** A cache whose process runs this JavaScript. `request` is the request that it got, and `print` prints a line. */
const cacheOf = async (script: string): Promise<ActionsCache> => {
  const program = join(machine.path, 'program.cjs')
  const start = `const fs = require('node:fs'), { join } = require('node:path')
const request = JSON.parse(fs.readFileSync(0, 'utf8')), print = (text) => console.log(text)
const folder = join(process.env.GITHUB_WORKSPACE, request.path)\n`
  await writeFile(program, start + script)
  const log = {
    ...silentLog,
    notice: (message: string) => void notices.push(message),
    debug: (message: string) => void debug.push(message),
  }
  const { signal } = new AbortController()
  const service = { program, environment: {}, token: 'the-token' }
  return openActionsCache(service, cacheBudget({ log, signal }), {
    ...{ environment: { PATH: process.env['PATH'] ?? '' }, temporary: machine.path, log, signal },
    secret: (value) => void secrets.push(value),
  })
}

const restore = async (script: string): Promise<string | undefined> =>
  (await cacheOf(script)).restore(join(machine.path, 'records'), 'a-key', ['a-', 'b-'])

const told = (reason: string): string =>
  `Nothing was restored from the Actions cache: ${reason}. The run goes on without it.`

test('what it leaves in its folder takes the place of the folder, under the key that it says', async () => {
  await mkdir(join(machine.path, 'records'))
  await writeFile(join(machine.path, 'records', 'before'), '')
  const key = await restore(`fs.mkdirSync(folder); fs.writeFileSync(join(folder, 'text'), JSON.stringify(request))
    print(JSON.stringify({ key: 'a-1' }))`)
  expect(key).toBe('a-1')
  expect(await readdir(join(machine.path, 'records'))).toEqual(['text'])
  const request = JSON.parse(await readFile(join(machine.path, 'records', 'text'), 'utf8'))
  const asked = { operation: 'restore', path: 'records', key: 'a-key', prefixes: ['a-', 'b-'], token: 'the-token' }
  expect(request).toEqual(asked)
  expect((await readdir(machine.path)).sort()).toEqual(['program.cjs', 'records'])
  expect(notices).toEqual([])
})

test('that there is nothing is no trouble', async () => {
  expect(await restore(`print('Cache not found for a-key'); print('{"key":null}')`)).toBeUndefined()
  expect(notices).toEqual([])
  expect(debug).toContain('Cache not found for a-key')
})

test.each([
  ['a warning', '::warning::the service is down.', 'the service is down'],
  ['an error', '::error::two%0Alines', 'two lines'],
  ['a line for debugging', '::debug::Failed to reserve cache: Error: it is full', 'it is full'],
  ['text that is encoded', '::warning::50%25 of a%0D%0Aline, %250A', '50% of a line, %0A'],
])('%s is told', async (_, line, reason) => {
  expect(await restore(`print(${JSON.stringify(line)}); print('{"key":null}')`)).toBeUndefined()
  expect(notices).toEqual([told(reason)])
})

test('what is not a command is not decoded', async () => {
  await restore(`print('100%25'); print('::debug::99%25'); print('{"key":null}')`)
  expect(debug).toEqual(expect.arrayContaining(['100%25', '99%']))
})

test('that somebody else has saved the same is no trouble', async () => {
  const cache = await cacheOf(`print('::debug::Failed to reserve cache: (409) Conflict'); print('{"key":null}')`)
  await mkdir(join(machine.path, 'records'))
  expect(await cache.save(join(machine.path, 'records'), 'a-key')).toBeUndefined()
  expect(notices).toEqual([])
})

test('what it masks is a secret, and is in no message', async () => {
  await restore(
    `print('::add-mask::sig%25nature'); print('::warning::GET https://x/?sig%25nature'); print('{"key":null}')`,
  )
  expect(secrets).toEqual(['sig%nature'])
  expect(notices).toEqual([told('GET https://x/?***')])
  expect(debug.join(' ')).not.toContain('nature')
})

test('an entry that was found and could not be used is rejected: what is saved next has a key of its own', async () => {
  const cache = await cacheOf(`if (request.operation === 'restore') {
      print('Cache hit for restore-key: a-1'); print('::warning::it is cut off'); print('{"key":null}')
    } else print(JSON.stringify({ key: request.key }))`)
  const folder = join(machine.path, 'records')
  await mkdir(folder)
  expect(await cache.save(folder, 'a-2')).toBe('a-2')
  expect(await cache.restore(folder, 'a-key', ['a-'])).toBeUndefined()
  expect(notices).toEqual([told('it is cut off, of the entry a-1')])
  expect(await cache.save(folder, 'a-2')).toMatch(/^a-2-[0-9a-f]{16}$/)
  expect(await cache.save(join(machine.path, 'other'), 'a-2')).toBe('a-2')
})

test('an entry that is no folder of plain files is left where it is', async () => {
  expect(await restore(`fs.symlinkSync('/etc', folder); print('{"key":"a-1"}')`)).toBeUndefined()
  expect(notices).toEqual([expect.stringContaining('the entry a-1 is not one that this action saved')])
  expect(await readdir(machine.path)).toEqual(['program.cjs'])
})

test('a process that says nothing, or something else, is told', async () => {
  expect(await restore(`print('')`)).toBeUndefined()
  expect(await restore(`print('{"key":1}')`)).toBeUndefined()
  expect(notices).toHaveLength(2)
})
