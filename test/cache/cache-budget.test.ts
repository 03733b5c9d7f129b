import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type CacheBudget, cacheBudget } from '../../src/cache/cache-budget.ts'
import { silentLog } from '../support/log.ts'

/** Real time passes in these tests; `test/cache/cache-limits.test.ts` checks how much a run has. */
const open = (limit = 60_000, signal = new AbortController().signal): { time: CacheBudget; notices: string[] } => {
  const notices: string[] = []
  const log = { ...silentLog, notice: (message: string) => void notices.push(message) }
  return { time: cacheBudget({ log, signal }, limit), notices }
}

const failing = (message: string) => async (): Promise<never> => {
  throw new Error(message, { cause: new Error('deeper') })
}

/** Work that ends when its time is over, or else after 2 s. */
const untilOver = (over: AbortSignal): Promise<void> => setTimeout(2000, undefined, { signal: over })

test('what work gives is given, without a word', async () => {
  const { time, notices } = open()
  expect(await time.within('Failed', undefined, async () => 'result')).toBe('result')
  expect(notices).toEqual([])
})

test('trouble is told with its causes, once, and the next work is done', async () => {
  const { time, notices } = open()
  for (let index = 0; index < 2; index++)
    expect(await time.within('Nothing was read', undefined, failing('no answer'))).toBeUndefined()
  expect(notices).toEqual(['Nothing was read: no answer: deeper. The run goes on without it.'])
  await time.within('Nothing was saved', undefined, failing('no answer'))
  expect(notices).toHaveLength(2)
  expect(await time.within('Failed', undefined, async () => 'result')).toBe('result')
})

test('of a long text it tells the beginning', async () => {
  const { time, notices } = open()
  await time.within('Failed', undefined, failing('x'.repeat(2000)))
  expect(notices).toEqual([`Failed: ${'x'.repeat(500)}. The run goes on without it.`])
})

test('whoever is later than its deadline is told of, and nothing is waited for again', async () => {
  const { time, notices } = open()
  expect(await time.within('Failed', 50, untilOver)).toBeUndefined()
  expect(notices).toEqual(['Failed: it has not answered within 0.05 s. The run goes on without it.'])
  expect(await time.within('Failed', undefined, async () => expect.unreachable())).toBeUndefined()
  expect(notices).toHaveLength(1)
})

test('where the time of the run ends before the deadline, that is told', async () => {
  const { time, notices } = open(50)
  await time.within('Failed', 10_000, untilOver)
  expect(notices).toEqual(['Failed: the 0.05 s that a run has for it are over. The run goes on without it.'])
})

test('work within work counts once', async () => {
  const { time, notices } = open(1000)
  const nested = async (depth: number): Promise<string> => {
    if (depth === 0) {
      await setTimeout(300)
      return 'done'
    }
    return (await time.within('Failed', undefined, () => nested(depth - 1))) ?? 'nothing'
  }
  // If each were counted, 1.2 s would have passed.
  expect(await nested(4)).toBe('done')
  expect(await time.within('Failed', undefined, async () => 'result')).toBe('result')
  expect(notices).toEqual([])
})

test('work side by side counts once, and what comes after it is counted again', async () => {
  const { time } = open(700)
  const sleep = (): Promise<string | undefined> =>
    time.within('Failed', undefined, (over) => setTimeout(300, 'done', { signal: over }))
  expect(await Promise.all([sleep(), sleep(), sleep()])).toEqual(['done', 'done', 'done'])
  expect([await sleep(), await sleep()].at(-1)).toBeUndefined()
})

test('the time between works does not go by', async () => {
  const { time } = open(200)
  await time.within('Failed', undefined, async () => '')
  await setTimeout(300)
  expect(await time.within('Failed', undefined, async () => 'result')).toBe('result')
})

test('a run that is cancelled ends, and tells nothing of the cache', async () => {
  const controller = new AbortController()
  const { time, notices } = open(undefined, controller.signal)
  const work = time.within('Failed', undefined, untilOver)
  controller.abort(new Error('cancelled'))
  await expect(work).rejects.toThrow('cancelled')
  expect(notices).toEqual([])
})
