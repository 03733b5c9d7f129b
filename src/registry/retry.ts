import { setTimeout } from 'node:timers/promises'
import { NoAnswerError, RegistryError } from './error.ts'

/** Statuses of faults that pass: of the registry, of what is in front of it, or of too much at a time. */
const passing: readonly number[] = [408, 429, 499, 500, 502, 503, 504, 522]

const tries = 5

/** Who wants to be left alone for longer than this does not get the run to wait; in milliseconds. */
const longestWait = 60_000

/**
 * Does the work, and again after a fault that may pass: after `firstDelay` milliseconds, then twice as long each time, and
 * not before the registry says so. The work must be one that can be done twice, from its beginning.
 */
export const retrying = async <T>(work: () => Promise<T>, signal: AbortSignal, firstDelay = 500): Promise<T> => {
  for (let attempt = 1; ; attempt++)
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      const wait = waitAfter(error)
      if (wait === undefined || wait > longestWait || attempt === tries) throw error
      await setTimeout(Math.max(wait, firstDelay * 2 ** (attempt - 1)), undefined, { signal })
    }
}

/** How long the registry wants to be left alone, in milliseconds; `undefined` where it makes no sense to ask again. */
const waitAfter = (error: unknown): number | undefined => {
  if (error instanceof NoAnswerError) return 0
  const answer = error instanceof Error && error.cause instanceof RegistryError ? error.cause : error
  if (!(answer instanceof RegistryError) || !passing.includes(answer.status)) return undefined
  return answer.retryAfter ?? 0
}

/**
 * The `Retry-After` header, in seconds or as a date, or else what GHCR writes into its message (`retry-after: 10.3ms`), in
 * milliseconds. Source: RFC 9110, section 10.2.3.
 */
export const parseRetryAfter = (header: string | null, message: string, now: number): number | undefined => {
  if (header && /^\d+$/.test(header.trim())) return Number(header) * 1000
  const date = header ? Date.parse(header) : Number.NaN
  if (!Number.isNaN(date)) return Math.max(0, date - now)
  const [, amount, unit = ''] = /retry-after: (\d+(?:\.\d+)?)(µs|us|ms|s)/.exec(message) ?? []
  const factors: Readonly<Record<string, number>> = { µs: 0.001, us: 0.001, ms: 1, s: 1000 }
  return amount === undefined ? undefined : Number(amount) * (factors[unit] ?? 1)
}
