/**
 * Readers for JSON that comes from outside. Each takes the value and `what`, its name in the error, and returns the
 * value with its type or throws an `Error` that says what was expected.
 */

type Read<T> = (value: unknown, what: string) => T

const wrong = (value: unknown, what: string, expected: string): never => {
  const text = JSON.stringify(value) ?? String(value)
  throw new Error(`${what} should be ${expected}, but is ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`)
}

export const parseJson = (text: string, what: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${what} is not JSON`, { cause })
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const record: Read<Record<string, unknown>> = (value, what) =>
  isRecord(value) ? value : wrong(value, what, 'an object')

export const string: Read<string> = (value, what) =>
  typeof value === 'string' ? value : wrong(value, what, 'a string')

export const boolean: Read<boolean> = (value, what) =>
  typeof value === 'boolean' ? value : wrong(value, what, 'true or false')

/** A whole number from 0 that JavaScript holds exactly. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

export const count: Read<number> = (value, what) => (isCount(value) ? value : wrong(value, what, 'a whole number'))

export const list =
  <T>(read: Read<T>): Read<T[]> =>
  (value, what) =>
    Array.isArray(value) ? value.map((item, index) => read(item, `${what}[${index}]`)) : wrong(value, what, 'a list')

/** Reads a missing value and `null` as `undefined`. */
export const optional =
  <T>(read: Read<T>): Read<T | undefined> =>
  (value, what) =>
    value === undefined || value === null ? undefined : read(value, what)
