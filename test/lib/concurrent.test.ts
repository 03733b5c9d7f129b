import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limiter, mapConcurrently } from '../../src/lib/concurrent.ts'

/** Work that ends when the test says so. `started` has the items that were begun, in that order. */
const manualWork = () => {
  const started: number[] = []
  const ends = new Map<number, PromiseWithResolvers<string>>()
  const of = (item: number): PromiseWithResolvers<string> => {
    const end = ends.get(item) ?? Promise.withResolvers<string>()
    ends.set(item, end)
    return end
  }
  return {
    started,
    work: (item: number): Promise<string> => {
      started.push(item)
      return of(item).promise
    },
    succeed: async (item: number): Promise<void> => {
      of(item).resolve(`done ${item}`)
      await nextTurn()
    },
    fail: async (item: number): Promise<void> => {
      of(item).reject(new Error(`failed ${item}`))
      await nextTurn()
    },
  }
}

describe('work on many items', () => {
  test('is never done on more of them at once than the limit, and on that many where there are as many', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 20 }), fc.integer({ min: 1, max: 8 }), async (items, limit) => {
        let running = 0
        let most = 0
        await mapConcurrently(Array.from({ length: items }), limit, async () => {
          most = Math.max(most, ++running)
          await nextTurn()
          running--
        })
        expect(most).toBe(Math.min(items, limit))
      }),
      { numRuns: 50 },
    )
  })

  test('has its results in the order of the items, whichever is ready first', async () => {
    const { work, succeed } = manualWork()
    const results = mapConcurrently([1, 2, 3], 3, work)
    for (const item of [3, 1, 2]) await succeed(item)
    expect(await results).toEqual(['done 1', 'done 2', 'done 3'])
  })

  test('starts the next item as soon as one is done', async () => {
    const { started, work, succeed } = manualWork()
    const results = mapConcurrently([1, 2, 3, 4], 2, work)
    expect(started).toEqual([1, 2])
    await succeed(2)
    expect(started).toEqual([1, 2, 3])
    for (const item of [1, 3, 4]) await succeed(item)
    expect(await results).toEqual(['done 1', 'done 2', 'done 3', 'done 4'])
  })

  test('is told the index of each item', async () => {
    expect(await mapConcurrently(['a', 'b', 'c'], 2, async (item, index) => `${item}${index}`)).toEqual([
      'a0',
      'b1',
      'c2',
    ])
  })

  test('does each item once, also where two are equal', async () => {
    let calls = 0
    await mapConcurrently(['same', 'same', 'same'], 2, async () => calls++)
    expect(calls).toBe(3)
  })
})

describe('after a failure', () => {
  test('nothing new is started, and what is under way is waited for', async () => {
    const { started, work, succeed, fail } = manualWork()
    let settled = false
    const results = mapConcurrently([1, 2, 3, 4], 2, work).finally(() => {
      settled = true
    })
    const outcome = expect(results).rejects.toThrow('failed 1')
    await fail(1)
    expect(settled).toBe(false)
    await succeed(2)
    await outcome
    expect(started).toEqual([1, 2])
  })

  test('a second one is not what is thrown', async () => {
    const { work, fail } = manualWork()
    const outcome = expect(mapConcurrently([1, 2, 3], 3, work)).rejects.toThrow('failed 1')
    for (const item of [1, 3, 2]) await fail(item)
    await outcome
  })

  test('the first in time is thrown, also where its item comes later', async () => {
    const { work, fail } = manualWork()
    const outcome = mapConcurrently([1, 2], 2, work).catch((error: Error) => error.message)
    for (const item of [2, 1]) await fail(item)
    expect(await outcome).toBe('failed 2')
  })

  test('that is thrown before the first promise, it is the same', async () => {
    const work = (): Promise<void> => {
      throw new Error('at once')
    }
    await expect(mapConcurrently([1, 2], 1, work)).rejects.toThrow('at once')
  })
})

describe('a limiter', () => {
  test('lets only so many be under way, and the others in the order in which they came', async () => {
    const limited = limiter(2)
    const log: string[] = []
    let running = 0
    const work = (name: string) => async (): Promise<void> => {
      log.push(name)
      expect(++running).toBeLessThanOrEqual(2)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
    }
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => limited(work(name))))
    expect(log).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('goes on after a failure', async () => {
    const limited = limiter(1)
    const failing = limited(() => Promise.reject(new Error('no')))
    const next = limited(async () => 'done')
    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('done')
  })
})
