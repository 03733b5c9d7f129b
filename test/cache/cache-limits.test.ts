import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { cacheBudget } from '../../src/cache/cache-budget.ts'
import { cacheLimits } from '../../src/cache/cache-limits.ts'
import { restoreRecords, saveRecords } from '../../src/reuse/record-cache.ts'
import { noRecords } from '../../src/reuse/records.ts'
import { root } from '../support/action.ts'
import { silentLog } from '../support/log.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/**
 * The limits that `docs/cache.md` names are the real ones. `test/cache/actions-cache.test.ts` tests what ends when the
 * time is over.
 */

test('the limits are those that are documented', async () => {
  const text = (await readFile(join(root, 'docs', 'cache.md'), 'utf8')).replaceAll(/\s+/g, ' ')
  const { run, records, files, bytes, storePathBytes } = cacheLimits
  expect(text).toContain(
    `has ${run / 1000} s together; for records, each answer has to be there within ${records / 1000} s`,
  )
  expect(text).toContain(`the ${run / 1000} s that a run has for it are over`)
  expect(text).toContain(`at most ${files.toLocaleString('en')} files and at most ${bytes / 1e9} GB`)
  expect(text).toContain(`more than ${storePathBytes / 1e9} GB unpacked is left out`)
})

describe('the time of a run', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Starts work that ends when it is aborted, or after some seconds, and reports how it ended. */
  const start = (seconds: number, deadline: number | undefined, notices: string[] = []) => {
    const log = { ...silentLog, notice: (message: string) => notices.push(message) }
    const time = cacheBudget({ log, signal: new AbortController().signal })
    const work = (seconds: number, deadline?: number) =>
      time.within('Nothing was done', deadline, async (over) => {
        await new Promise((resolve, reject) => {
          setTimeout(resolve, seconds * 1000)
          over.addEventListener('abort', () => reject(over.reason))
        })
        return 'done'
      })
    return { work, first: work(seconds, deadline) }
  }

  test.each([
    [29.9, undefined, 'done'],
    [30.1, undefined, undefined],
    [9.9, cacheLimits.records, 'done'],
    [10.1, cacheLimits.records, undefined],
  ])('work of %d s with the deadline %s gives %s', async (seconds, deadline, result) => {
    const { first } = start(seconds, deadline)
    await vi.advanceTimersByTimeAsync(31_000)
    expect(await first).toBe(result)
  })

  test('is for all that a run does together, and nothing is begun when it is over', async () => {
    const notices: string[] = []
    const { work, first } = start(20, undefined, notices)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await first).toBe('done')
    const second = work(10.1)
    await vi.advanceTimersByTimeAsync(9_900)
    expect(notices).toEqual([])
    await vi.advanceTimersByTimeAsync(200)
    expect(await second).toBeUndefined()
    expect(notices).toEqual(['Nothing was done: the 30 s that a run has for it are over. The run goes on without it.'])
    expect(await work(0)).toBeUndefined()
  })
})

test('records are waited for as long as is said, when they are read and when they are saved', async () => {
  await using temporary = await temporaryFolder('limits')
  const deadlines: (number | undefined)[] = []
  const store = {
    cache: {
      restore: async (_folder: string, _key: string, _prefixes: readonly string[], deadline?: number) =>
        void deadlines.push(deadline),
      reject: () => {},
      save: async (_folder: string, _key: string, deadline?: number) => void deadlines.push(deadline),
    },
    use: { read: true, save: true },
  }
  const job = { log: silentLog, temporary: temporary.path }
  await restoreRecords(['0'.repeat(64)], store, job)
  await saveRecords(noRecords('cache'), '0'.repeat(64), store, job)
  expect(deadlines.length).toBeGreaterThanOrEqual(2)
  expect(new Set(deadlines)).toEqual(new Set([10_000]))
})
