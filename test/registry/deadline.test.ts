import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { allowance, startDeadline } from '../../src/registry/deadline.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('an allowance is used up once, and then ends what it is for, once', () => {
  const end = vi.fn()
  using _ = startDeadline(allowance(1000), end)
  vi.advanceTimersByTime(999)
  expect(end).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(end).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(10_000)
  expect(end).toHaveBeenCalledTimes(1)
})

test('what is earned puts the end off, and can never be saved up', () => {
  const end = vi.fn()
  using deadline = startDeadline(allowance(1000), end)
  deadline.earn(5000)
  vi.advanceTimersByTime(900)
  deadline.earn(500)
  vi.advanceTimersByTime(599)
  expect(end).not.toHaveBeenCalled()
  deadline.earn(50_000)
  vi.advanceTimersByTime(999)
  expect(end).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(end).toHaveBeenCalledTimes(1)
})

test('it can be put off above the most where it is said so', () => {
  const end = vi.fn()
  using deadline = startDeadline(allowance(1000), end)
  deadline.earn(5000, Number.POSITIVE_INFINITY)
  vi.advanceTimersByTime(5999)
  expect(end).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(end).toHaveBeenCalledTimes(1)
})

test('what one has left is what the next one has, and between them nothing is used up', () => {
  const shared = allowance(1000)
  const end = vi.fn()
  {
    using _ = startDeadline(shared, end)
    vi.advanceTimersByTime(600)
  }
  vi.advanceTimersByTime(60_000)
  expect(end).not.toHaveBeenCalled()
  expect(shared).toEqual({ most: 1000, left: 400 })
  using _ = startDeadline(shared, end)
  vi.advanceTimersByTime(399)
  expect(end).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(end).toHaveBeenCalledTimes(1)
})

test('it holds in real time', async () => {
  vi.useRealTimers()
  const end = vi.fn()
  using _ = startDeadline(allowance(50), end)
  await setTimeout(500)
  expect(end).toHaveBeenCalledTimes(1)
})
