import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/error.ts'
import { NoAnswerError, RegistryError } from '../../src/registry/error.ts'
import { parseRetryAfter, retrying } from '../../src/registry/retry.ts'

const { signal } = new AbortController()
const answer = (status: number, retryAfter?: number): Error =>
  new UserError('a sentence', {
    cause: new RegistryError('PUT https://example.org/', status, undefined, '', retryAfter),
  })

/** Work that fails with these errors, one after the other, then succeeds; `attempts` counts. */
const failing = (...errors: Error[]) => {
  const work = async (): Promise<number> => {
    const error = errors[work.attempts++]
    if (error) throw error
    return work.attempts
  }
  work.attempts = 0
  return work
}

describe('a fault that passes', () => {
  test.each([408, 429, 499, 500, 502, 503, 504, 522])('(%d) is tried again', async (status) => {
    expect(await retrying(failing(answer(status), answer(status)), signal, 1)).toBe(3)
  })

  test('(no answer) is tried again', async () => {
    expect(await retrying(failing(new NoAnswerError('no answer')), signal, 1)).toBe(2)
  })

  test('that does not pass is told after five tries', async () => {
    const work = failing(...Array.from({ length: 9 }, () => answer(503)))
    await expect(retrying(work, signal, 1)).rejects.toThrow('a sentence')
    expect(work.attempts).toBe(5)
  })

  test('is not tried again before the registry wants to be asked', async () => {
    const start = performance.now()
    await retrying(failing(answer(429, 150)), signal, 1)
    expect(performance.now() - start).toBeGreaterThan(140)
  })

  test('is not waited for when the registry wants hours', async () => {
    const work = failing(answer(429, 3_600_000))
    await expect(retrying(work, signal, 1)).rejects.toThrow('a sentence')
    expect(work.attempts).toBe(1)
  })
})

test.each([400, 401, 403, 404, 413, 416])('a refusal (%d) is not tried again', async (status) => {
  const work = failing(answer(status))
  await expect(retrying(work, signal, 1)).rejects.toThrow('a sentence')
  expect(work.attempts).toBe(1)
})

test('a run that is cancelled does not wait', async () => {
  const cancel = new AbortController()
  const work = retrying(failing(answer(429, 30_000)), cancel.signal, 1)
  cancel.abort(new Error('cancelled'))
  await expect(work).rejects.toThrow()
})

test.each([
  ['7', '', 7000],
  ['Tue, 24 Nov 2026 12:00:05 GMT', '', 5000],
  ['Tue, 24 Nov 2026 11:00:00 GMT', '', 0],
  [null, 'retry-after: 10.3ms, allowed: 2000/minute', 10.3],
  [null, 'retry-after: 1.5s', 1500],
  [null, 'retry-after: 120µs', 0.12],
  [null, 'slow down', undefined],
  ['soon', '', undefined],
])('Retry-After %j with the message %j is %j milliseconds', (header, message, milliseconds) => {
  expect(parseRetryAfter(header, message, Date.parse('2026-11-24T12:00:00Z'))).toBe(milliseconds)
})
