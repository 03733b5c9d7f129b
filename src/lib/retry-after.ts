/**
 * How long a server asks the client to wait, in milliseconds. The time is in the `Retry-After` header, in seconds or as
 * a date, or else in the message, where GHCR has it (`retry-after: 1.889377ms, allowed: 2000/minute`). `date` is the
 * `Date` header, so that a difference between the clocks does not matter; `now`, in milliseconds since the epoch, is
 * used if the answer has none. More than a day is taken for a mistake and gives `undefined`. Source: RFC 9110, section
 * 10.2.3; Go's `time.Duration`.
 */
export const parseRetryAfter = (
  header: string | undefined,
  message: string,
  { date, now }: { readonly date: string | undefined; readonly now: number },
): number | undefined => {
  const value = header?.trim() ?? ''
  const at = parseHttpDate(value)
  const asked = /^\d+(\.\d+)?$/.test(value)
    ? Number(value) * 1000
    : at === undefined
      ? durationIn(message)
      : Math.max(0, at - (parseHttpDate(date?.trim() ?? '') ?? now))
  return asked !== undefined && asked <= longest ? asked : undefined
}

const longest = 86_400_000

/** Reads any of the three forms of a date, the last of which has no zone. Source: RFC 9110, section 5.6.7. */
const parseHttpDate = (text: string): number | undefined => {
  if (!/^(Mon|Tues?|Wed(nes)?|Thu(rs)?|Fri|Sat(ur)?|Sun)(day)?,? [ \w-]+ \d\d:\d\d:\d\d( GMT| \d{4})$/.test(text))
    return undefined
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  return Number.isNaN(time) ? undefined : time
}

const durationIn = (message: string): number | undefined => {
  const [, duration = ''] =
    /(?:retry[- ]after|(?:re)?try(?: again)? in):?\s*((?:\d+(?:\.\d+)?\s?(?:(?:ns|us|µs|μs|ms|seconds?|minutes?|hours?|s|m|h)(?![a-z]))?)+)/i.exec(
      message,
    ) ?? []
  const parts = [...duration.matchAll(/([\d.]+)\s?([^\d.\s]*)/g)]
  if (parts.length === 0) return undefined
  return parts.reduce(
    // A number without a unit is in seconds, as in the header. The first letter of a word is its unit.
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
