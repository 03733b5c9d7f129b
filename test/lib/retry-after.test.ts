import { expect, test } from 'vitest'
import { parseRetryAfter } from '../../src/lib/retry-after.ts'
import { testClient } from '../support/pushed-image.ts'
import { startWebServer } from '../support/web-server.ts'

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
  [undefined, 'retry-after:   12s', 12_000],
  [undefined, 'retry-after 12.75 s', 12_750],
  [undefined, 'retry in 1 second', 1000],
  [undefined, 'retry in 1 minute', 60_000],
  [undefined, 'retry in 2 hours', 7_200_000],
  [undefined, 'retry in 1 hour', 3_600_000],
  [undefined, 'RETRY AFTER 5 S', 5000],
  [undefined, 'retry after 5 MS', 5],
  [undefined, 'retry after 5 months', 5000],
  [undefined, 'retry after 120 μs', 0.12],
  [undefined, 'slow down', undefined],
  [undefined, '', undefined],
  // All three forms of a date, the last without a zone.
  ['Tue Nov 24 12:00:05 2026', '', 5000],
  ['Wed, 25 Nov 2026 12:00:00 GMT', '', 86_400_000],
  ['Wednesday, 25-Nov-26 11:00:00 GMT', '', 82_800_000],
  ['Wed Nov 25 11:00:00 2026', '', 82_800_000],
  ['Mon, 01 Jan 2024 00:00:00 GMT', '', 0],
  ['Thursday, 01-Jan-26 00:00:00 GMT', '', 0],
  ['Fri Jan  2 00:00:00 2026', '', 0],
  ['Saturday, 03-Jan-26 00:00:00 GMT', '', 0],
  ['Sun, 04 Jan 2026 00:00:00 GMT', '', 0],
  // These are not dates either.
  ['at Tue, 24 Nov 2026 12:00:05 GMT', '', undefined],
  ['Tue, 24 Nov 2026 12:00:05 GMT+1', '', undefined],
  ['Tue, 24 Nov 2026 12:00:05', '', undefined],
  ['2026-11-24T12:00:05Z', '', undefined],
  ['24 Nov 2026 12:00:05 GMT', '', undefined],
  // More than a day, or an impossible date, counts as nothing.
  ['Wed, 25 Nov 2026 12:00:01 GMT', '', undefined],
  ['Fri, 31 Dec 9999 23:59:59 GMT', '', undefined],
  ['Tue, 24 Nov 2026 25:61:61 GMT', '', undefined],
  ['86400', '', 86_400_000],
  ['86401', '', undefined],
  ['9'.repeat(400), '', undefined],
  ['1e3', '', undefined],
  ['0x10', '', undefined],
  ['Infinity', '', undefined],
  ['5, 7', '', undefined],
  ['in 5', '', undefined],
  ['2026', '', 2_026_000],
  [undefined, 'retry after 25 hours', undefined],
  [undefined, `retry after ${'9'.repeat(400)}`, undefined],
  [undefined, 'retry after -5s', undefined],
])('Retry-After %j with the message %j is %j milliseconds', (header, message, milliseconds) => {
  const date = 'Tue, 24 Nov 2026 12:00:00 GMT'
  const delay = parseRetryAfter(header, message, { date, now: 0 })
  if (milliseconds === undefined) expect(delay).toBeUndefined()
  else expect(delay).toBeCloseTo(milliseconds, 6)
})

test.each<[string | undefined, number]>([
  // The registry's own clock counts, even if it is wrong.
  ['Tue, 24 Nov 2026 12:00:00 GMT', 5000],
  ['Tue Nov 24 12:00:00 2026', 5000],
  // If the `Date` header is missing or cannot be read, the runner's clock counts, which is at 12:00:02.
  [undefined, 3000],
  ['', 3000],
  ['0', 3000],
  ['1795521600', 3000],
  ['yesterday', 3000],
  ['2026-11-24', 3000],
  ['Tue, 99 Nov 2026 12:00:00 GMT', 3000],
])('a date of Retry-After in an answer of %j is %d milliseconds away', (date, milliseconds) => {
  const now = Date.parse('2026-11-24T12:00:02Z')
  expect(parseRetryAfter('Tue, 24 Nov 2026 12:00:05 GMT', '', { date, now })).toBe(milliseconds)
})

test.each([undefined, 'nonsense'])(
  'a registry that names a date, and %j as its own, is asked again then',
  async (date) => {
    let asked = 0
    await using server = await startWebServer({
      '/v2/': (_, response) => {
        response.sendDate = false
        if (date) response.setHeader('date', date)
        if (asked++ > 0) return void response.writeHead(404).end()
        response.writeHead(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).end()
      },
    })
    const lines: string[] = []
    const log = { info: (line: string) => void lines.push(line) }
    const client = testClient(new URL(server.url).host, 'tools', { log })
    expect(await client.retrying(() => client.resolve('v1'))).toBeUndefined()
    expect(lines).toEqual([expect.stringMatching(/^Asking again in (5\d|6\d) s: HEAD .* answered 503$/)])
  },
)
