import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inOrder, type Timings, timed } from '../../src/lib/timings.ts'

test('the time of a stage is in seconds, and what the work returns is passed on', async () => {
  const timings: Timings = {}
  expect(await timed(timings, 'nix', async () => wait(60, 'result'))).toBe('result')
  expect(timings.nix).toBeGreaterThan(0.05)
  expect(timings.nix).toBeLessThan(10)
})

test('a stage that did not run is absent', async () => {
  const timings: Timings = {}
  await timed(timings, 'source', async () => {})
  expect(Object.keys(timings)).toEqual(['source'])
})

test('the times of a stage that runs twice are added up', async () => {
  const timings: Timings = { archive: 100.001 }
  await timed(timings, 'archive', () => wait(20))
  expect(timings.archive).toBeGreaterThan(100.01)
  expect(timings.archive).toBeLessThan(110)
})

test('a stage that fails has its time too, and the failure is passed on', async () => {
  const timings: Timings = {}
  const work = async (): Promise<void> => {
    await wait(20)
    throw new Error('no')
  }
  await expect(timed(timings, 'push', work)).rejects.toThrow('no')
  expect(timings.push).toBeGreaterThan(0.01)
})

test('times are whole milliseconds, so that JSON has no long fractions', async () => {
  const timings: Timings = { layers: 0.001 }
  for (let round = 0; round < 20; round++) await timed(timings, 'layers', async () => {})
  expect(String(timings.layers)).toMatch(/^\d+(\.\d{1,3})?$/)
})

test('stages are told in the order of the data, whichever ran first', () => {
  expect(Object.entries(inOrder({ cache: 1, push: 2, install: 3 }))).toEqual([
    ['install', 3],
    ['push', 2],
    ['cache', 1],
  ])
})
