import { expect, test } from 'vitest'
import { writeRate } from '../../src/registry/write-rate.ts'

test('a run never writes more often than 1,100 times in any minute, and then 900 times', async () => {
  let time = 0
  const turn = writeRate({
    now: () => time,
    sleep: async (delay) => {
      time += delay
    },
  })
  const times: number[] = []
  for (let write = 0; write < 5000; write++) {
    await turn(new AbortController().signal)
    times.push(time)
  }
  const inMinuteFrom = (start: number): number => times.filter((at) => at >= start && at < start + 60_000).length
  expect(Math.max(...times.filter((_, index) => index % 50 === 0).map(inMinuteFrom))).toBeLessThanOrEqual(1100)
  expect(inMinuteFrom(120_000)).toBeLessThanOrEqual(901)
  expect(times[199]).toBe(0)
})

test('after a pause a run may write a burst again, and not more', async () => {
  let time = 0
  let slept = 0
  const turn = writeRate({
    now: () => time,
    sleep: async (delay) => {
      time += delay
      slept += delay
    },
  })
  const { signal } = new AbortController()
  for (let write = 0; write < 200; write++) await turn(signal)
  time += 3_600_000
  for (let write = 0; write < 200; write++) await turn(signal)
  expect(slept).toBe(0)
  await turn(signal)
  expect(slept).toBeGreaterThan(0)
})
