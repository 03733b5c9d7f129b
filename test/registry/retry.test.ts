import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/lib/clock.ts'
import { UserError } from '../../src/lib/error.ts'
import { retryDelay, waitBudget } from '../../src/lib/retry.ts'
import { RegistryError, TransientError } from '../../src/registry/error.ts'
import { hopeOf, registryRetries as retries } from '../../src/registry/retry.ts'

type Details = { code?: string; message?: string; retryAfter?: number }
const answer = (status: number, { code, message = '', retryAfter }: Details = {}): Error =>
  new UserError('a sentence', {
    cause: new RegistryError('PUT https://example.org/', status, code, message, retryAfter),
  })
const silence = new TransientError('no answer')
const secondary = {
  message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
}
const never = undefined

const delayAfter = (error: Error, attempt: number, chance: number): number | undefined =>
  retryDelay(hopeOf(error, { idleLimit: 1000 }), attempt, chance)

describe('the delay, with no jitter and with almost all of it', () => {
  test.each<[string, Error, number, number | undefined, number | undefined]>([
    // Faults that pass. The backoff doubles, and a delay is half a step to a whole one.
    ['408', answer(408), 1, 250, 500],
    ['499', answer(499), 1, 250, 500],
    ['500', answer(500), 1, 250, 500],
    ['502', answer(502), 1, 250, 500],
    ['503', answer(503), 1, 250, 500],
    ['504', answer(504), 1, 250, 500],
    ['522', answer(522), 1, 250, 500],
    ['507', answer(507), 1, 250, 500],
    ['520', answer(520), 1, 250, 500],
    ['530', answer(530), 1, 250, 500],
    ['no answer', silence, 1, 250, 500],
    ['503', answer(503), 2, 500, 1000],
    ['503', answer(503), 3, 1000, 2000],
    ['503', answer(503), 4, 2000, 4000],
    ['503', answer(503), 5, 4000, 8000],
    ['503', answer(503), 6, 8000, 16_000],
    ['503', answer(503), 7, 15_000, 30_000],
    ['503', answer(503), 30, 15_000, 30_000],
    ['no answer', silence, 3, 1000, 2000],
    // The delay that the registry asks for, with the jitter on top.
    ['503 that asks for 7 s', answer(503, { retryAfter: 7000 }), 1, 7250, 7500],
    ['503 that asks for 0 s', answer(503, { retryAfter: 0 }), 1, 250, 500],
    ['503 that asks for 7 s', answer(503, { retryAfter: 7000 }), 4, 9000, 11_000],
    ['429 that asks for 7 s', answer(429, { retryAfter: 7000 }), 1, 7250, 7500],
    ['429 that asks for a minute', answer(429, { retryAfter: 60_000 }), 2, 60_500, 61_000],
    // A 429 is for at least a second.
    ['429', answer(429), 1, 1250, 1500],
    ['429', answer(429), 3, 2000, 3000],
    ['429 of GHCR', answer(429, { code: 'TOOMANYREQUESTS', retryAfter: 1.889377 }), 1, 1250, 1500],
    ['429 of GHCR', answer(429, { code: 'TOOMANYREQUESTS', retryAfter: 1.889377 }), 2, 1500, 2000],
    // GitHub's other limit looks like a refusal, and lasts for minutes.
    ['secondary limit', answer(403, secondary), 1, 60_250, 60_500],
    ['secondary limit', answer(403, secondary), 2, 60_500, 61_000],
    ['secondary limit that asks for 2 min', answer(403, { ...secondary, retryAfter: 120_000 }), 1, 120_250, 120_500],
    ['secondary limit that asks for 1 s', answer(403, { ...secondary, retryAfter: 1000 }), 1, 60_250, 60_500],
    // The upload is lost, so it is started again.
    ['lost upload', answer(404, { code: 'BLOB_UPLOAD_UNKNOWN' }), 1, 250, 500],
    [
      'lost layer of ECR',
      answer(404, { code: 'BLOB_UPLOAD_UNKNOWN', message: "Layers with digests '[sha256:1]' do not exist" }),
      ...([1, never, never] as const),
    ],
    ['broken upload', answer(400, { code: 'BLOB_UPLOAD_INVALID' }), 1, 250, 500],
    // No other error passes.
    ['400', answer(400), 1, never, never],
    ['401', answer(401), 1, never, never],
    ['403', answer(403, { code: 'DENIED', message: 'permission_denied: write_package' }), 1, never, never],
    ['403 that asks to wait', answer(403, { message: 'denied', retryAfter: 1000 }), 1, never, never],
    ['404', answer(404, { code: 'NAME_UNKNOWN' }), 1, never, never],
    ['405', answer(405), 1, never, never],
    ['413', answer(413), 1, never, never],
    ['416', answer(416), 1, never, never],
    ['501', answer(501), 1, never, never],
    ['505', answer(505), 1, never, never],
    ['wrong digest', answer(400, { code: 'DIGEST_INVALID' }), 1, never, never],
    ['missing blob', answer(400, { code: 'MANIFEST_BLOB_UNKNOWN' }), 1, never, never],
    ['name that nobody has', new TransientError('no such host', { tries: 1 }), 1, never, never],
    ['connection that is refused', new TransientError('refused', { tries: 4 }), 3, 1000, 2000],
    ['connection that is refused', new TransientError('refused', { tries: 4 }), 4, never, never],
    ['mistake of the user', new UserError('no'), 1, never, never],
    ['fault of our own', new TypeError('no'), 1, never, never],
  ])('%s, attempt %4$d', (_, error, attempt, least, most) => {
    expect(delayAfter(error, attempt, 0)).toBe(least)
    const almostAll = delayAfter(error, attempt, 1 - 1e-9)
    if (most === undefined) expect(almostAll).toBeUndefined()
    else expect(almostAll).toBeCloseTo(most, 3)
  })

  test('is never shorter than what is asked for, nor longer by more than one step', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (retryAfter, attempt, chance) => {
          const delay = delayAfter(answer(503, { retryAfter }), attempt, chance) ?? -1
          expect(delay).toBeGreaterThanOrEqual(retryAfter)
          expect(delay).toBeLessThanOrEqual(retryAfter + Math.min(30_000, 500 * 2 ** (attempt - 1)))
        },
      ),
    )
  })
})

/** A clock on which time passes only during a sleep. `slept` has the length of each sleep. */
const clock = (random = () => 0): Clock & { slept: number[] } => {
  let time = 0
  const slept: number[] = []
  return {
    slept,
    idleLimit: 1000,
    random,
    now: () => time,
    wallClock: () => 0,
    sleep: async (delay) => {
      slept.push(delay)
      const wake = time + delay
      await new Promise((resolve) => setImmediate(resolve))
      time = Math.max(time, wake)
    },
  }
}

/** Work that fails with these errors, one after the other, and then succeeds. `attempts` counts its calls. */
const failing = (...errors: Error[]) => {
  const work = async (): Promise<number> => {
    const error = errors[work.attempts++]
    if (error) throw error
    return work.attempts
  }
  work.attempts = 0
  return work
}

const { signal } = new AbortController()
const ports = { signal, log: { info: () => {} } }

describe('work', () => {
  test('that fails in ways that pass is done again', async () => {
    const time = clock()
    expect(await retries(time, ports)(failing(answer(502), silence, answer(429)))).toBe(4)
    expect(time.slept).toEqual([250, 500, 2000])
  })

  test('that keeps failing is given up after eight tries, with the last error', async () => {
    const time = clock()
    const work = failing(...Array.from({ length: 9 }, () => answer(503)))
    await expect(retries(time, ports)(work)).rejects.toThrow('a sentence')
    expect(work.attempts).toBe(8)
  })

  test('that is refused is not done again', async () => {
    const time = clock()
    const work = failing(answer(403))
    await expect(retries(time, ports)(work)).rejects.toThrow('a sentence')
    expect([work.attempts, time.slept]).toEqual([1, []])
  })

  test('that should be left alone for longer than the budget is not waited for', async () => {
    const time = clock()
    const work = failing(answer(429, { retryAfter: 3_600_000 }))
    await expect(retries(time, ports)(work)).rejects.toThrow('a sentence')
    expect([work.attempts, time.slept]).toEqual([1, []])
  })

  test('never waits for longer than the budget, of all work together', async () => {
    const time = clock()
    const retrying = retries(time, ports)
    const minute = answer(503, { retryAfter: 60_000 })
    expect(await retrying(failing(minute, minute))).toBe(3)
    expect(await retrying(failing(minute, minute))).toBe(3)
    await expect(retrying(failing(minute, minute))).rejects.toThrow('a sentence')
    const waited = time.slept.reduce((a, b) => a + b, 0)
    expect(waited).toBeLessThan(waitBudget)
    expect(waited + 60_250).toBeGreaterThan(waitBudget)
  })

  test('that waits side by side spends the budget once', async () => {
    const retrying = retries(clock(), ports)
    const minutes = answer(503, { retryAfter: 200_000 })
    expect(await Promise.all([1, 2, 3].map(() => retrying(failing(minutes))))).toEqual([2, 2, 2])
  })

  test('that is never answered spends the budget while it is not', async () => {
    const time = clock()
    const slow = { ...time, idleLimit: 60_000 }
    let attempts = 0
    const work = async () => {
      attempts++
      await time.sleep(60_000, signal)
      throw silence
    }
    await expect(retries(slow, ports)(work)).rejects.toThrow('no answer')
    expect(attempts).toBe(5)
    expect(time.now()).toBeLessThan(waitBudget + 60_000)
  })

  test('that is answered drop by drop spends the budget for as long', async () => {
    const time = clock()
    let attempts = 0
    const work = async () => {
      attempts++
      await time.sleep(180_000, signal)
      throw new TransientError('hardly anything moved', { waited: 180_000 })
    }
    await expect(retries(time, ports)(work)).rejects.toThrow('hardly anything moved')
    expect(attempts).toBe(2)
  })

  test('that moved before nothing came any more spends what it waited', async () => {
    const time = clock()
    let attempts = 0
    const work = async () => {
      attempts++
      await time.sleep(600_000, signal)
      throw new TransientError('nothing moved', { waited: 60_000 })
    }
    await expect(retries(time, ports)(work)).rejects.toThrow('nothing moved')
    expect(attempts).toBe(5)
  })

  test('that is waited for says why and for how long', async () => {
    const lines: string[] = []
    const log = { info: (line: string) => void lines.push(line) }
    await retries(clock(), { signal, log })(failing(answer(503, { retryAfter: 7000 }), silence))
    expect(lines).toEqual([
      'Asking again in 8 s: PUT https://example.org/ answered 503',
      'Asking again in 1 s: no answer',
    ])
  })

  test('that a registry has refused is told in its own words', async () => {
    const lines: string[] = []
    const log = { info: (line: string) => void lines.push(line) }
    const refused = answer(403, { code: 'DENIED', message: 'quota exceeded' })
    await expect(retries(clock(), { signal, log })(failing(refused))).rejects.toBe(refused)
    expect(lines).toEqual(['PUT https://example.org/ answered 403 DENIED quota exceeded'])
    const other = new Error('the disk is full')
    await expect(retries(clock(), { signal, log })(failing(other))).rejects.toBe(other)
    expect(lines).toHaveLength(1)
  })

  test('that meets several faults has the tries of each', async () => {
    const refused = new TransientError('refused', { tries: 4 })
    const bad = answer(503)
    expect(await retries(clock(), ports)(failing(bad, bad, bad, bad, refused, refused))).toBe(7)
  })

  test('that was turned away together does not come back together', async () => {
    const chances = [0, 0.3, 0.6, 0.9]
    const time = clock(() => chances.shift() ?? 0)
    const retrying = retries(time, ports)
    await Promise.all([1, 2, 3, 4].map(() => retrying(failing(answer(429)))))
    expect(new Set(time.slept).size).toBe(4)
  })

  test('does not wait when the run is cancelled', async () => {
    const cancel = new AbortController()
    const { setTimeout: sleep } = await import('node:timers/promises')
    const real = { ...clock(), sleep: (delay: number, signal: AbortSignal) => sleep(delay, undefined, { signal }) }
    const work = retries(real, { ...ports, signal: cancel.signal })(failing(answer(429, { retryAfter: 30_000 })))
    cancel.abort(new Error('cancelled'))
    await expect(work).rejects.toThrow()
  })
})
