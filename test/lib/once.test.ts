import { expect, test, vi } from 'vitest'
import { once } from '../../src/lib/once.ts'

test('the work is done when it is first asked for, and once', async () => {
  const work = vi.fn(async () => ({}))
  const value = once(work)
  expect(work).not.toHaveBeenCalled()
  const [first, second] = await Promise.all([value(), value()])
  expect(second).toBe(first)
  expect(await value()).toBe(first)
  expect(work).toHaveBeenCalledTimes(1)
})

test('work that failed is not done again', async () => {
  const work = vi.fn(() => Promise.reject(new Error('no')))
  const value = once(work)
  for (const _ of [1, 2]) await expect(value()).rejects.toThrow('no')
  expect(work).toHaveBeenCalledTimes(1)
})
