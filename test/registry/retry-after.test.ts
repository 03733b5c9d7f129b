import { expect, test } from 'vitest'
import { parseRetryAfter } from '../../src/registry/retry-after.ts'

test.each<[string | undefined, string, number | undefined]>([
  ['7', '', 7000],
  ['0', '', 0],
  [' 7 ', '', 7000],
  ['Tue, 24 Nov 2026 12:00:05 GMT', '', 5000],
  ['Tuesday, 24-Nov-26 12:00:05 GMT', '', 5000],
  ['Tue, 24 Nov 2026 11:00:00 GMT', '', 0],
  ['soon', '', undefined],
  ['-5', '', undefined],
  ['1.5', '', 1500],
  ['', 'retry-after: 2s', 2000],
  ['7', 'retry-after: 2s', 7000],
  [undefined, 'retry-after: 1.889377ms, allowed: 2000/minute', 1.889377],
  [undefined, 'retry-after: 10.305464ms, allowed: 44000/minute', 10.305464],
  [undefined, 'Retry-After: 1.5s', 1500],
  [undefined, 'please retry after 30s', 30_000],
  [undefined, 'retry-after: 120µs', 0.12],
  [undefined, 'retry-after: 120us', 0.12],
  [undefined, 'retry-after: 500ns', 0.0005],
  [undefined, 'retry-after: 1m2.5s, allowed: 2000/minute', 62_500],
  [undefined, 'retry-after: 1h0m1s', 3_601_000],
  [undefined, 'retry-after: 30', 30_000],
  [undefined, 'Retry after 5 seconds', 5000],
  [undefined, 'try again in 2 minutes', 120_000],
  [undefined, 'please retry in 30s', 30_000],
  [undefined, 'try again in a moment', undefined],
  [undefined, 'slow down', undefined],
  [undefined, '', undefined],
])('Retry-After %j with the message %j is %j milliseconds', (header, message, milliseconds) => {
  const delay = parseRetryAfter(header, message, Date.parse('2026-11-24T12:00:00Z'))
  if (milliseconds === undefined) expect(delay).toBeUndefined()
  else expect(delay).toBeCloseTo(milliseconds, 6)
})
