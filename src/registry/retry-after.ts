/**
 * How long a registry wants to be left alone, in milliseconds: the `Retry-After` header, in seconds or as a date, or else
 * what is in the message, where GHCR has it (`retry-after: 1.889377ms, allowed: 2000/minute`). `now` is the registry's own
 * time, in milliseconds since the epoch. Source: RFC 9110, section 10.2.3; Go's `time.Duration`.
 */
export const parseRetryAfter = (header: string | undefined, message: string, now: number): number | undefined => {
  const value = header?.trim() ?? ''
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000
  // `Date.parse` takes a lone number for a year.
  const date = /[A-Za-z]/.test(value) ? Date.parse(value) : Number.NaN
  if (!Number.isNaN(date)) return Math.max(0, date - now)
  const [, duration = ''] =
    /(?:retry[- ]after|(?:re)?try(?: again)? in):?\s*((?:\d+(?:\.\d+)?\s?(?:(?:ns|us|µs|μs|ms|seconds?|minutes?|hours?|s|m|h)(?![a-z]))?)+)/i.exec(
      message,
    ) ?? []
  const parts = [...duration.matchAll(/([\d.]+)\s?([^\d.\s]*)/g)]
  if (parts.length === 0) return undefined
  return parts.reduce(
    // Without a unit it is as in the header; a word is its first letter.
    (total, [, amount, unit = '']) =>
      total + Number(amount) * (milliseconds[unit.toLowerCase()] ?? milliseconds[unit.charAt(0).toLowerCase()] ?? 1000),
    0,
  )
}

const milliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}
