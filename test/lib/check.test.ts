import { describe, expect, test } from 'vitest'
import { count, isRecord, list, optional, parseJson, record, string } from '../../src/lib/check.ts'

const readers = { record, string, count, list: list(string), optional: optional(string) }

describe('a value that is as expected is returned', () => {
  test.each<[keyof typeof readers, unknown]>([
    ['record', {}],
    ['record', { key: 'value' }],
    ['string', ''],
    ['string', 'text'],
    ['count', 0],
    ['count', Number.MAX_SAFE_INTEGER],
    ['list', []],
    ['list', ['one', 'two']],
    ['optional', 'text'],
  ])('%s %j', (reader, value) => {
    expect(readers[reader](value, 'it')).toEqual(value)
  })

  test.each([undefined, null])('optional %j is undefined', (value) => {
    expect(optional(string)(value, 'it')).toBeUndefined()
  })
})

describe('a value that is not says what it is and what it should be', () => {
  test.each<[keyof typeof readers, unknown, string]>([
    ['record', [], 'it should be an object, but is []'],
    ['record', null, 'it should be an object, but is null'],
    ['record', 'text', 'it should be an object, but is "text"'],
    ['string', 1, 'it should be a string, but is 1'],
    ['string', undefined, 'it should be a string, but is undefined'],
    ['count', -1, 'it should be a whole number, but is -1'],
    ['count', 1.5, 'it should be a whole number, but is 1.5'],
    ['count', '1', 'it should be a whole number, but is "1"'],
    ['count', 2 ** 53, 'it should be a whole number, but is 9007199254740992'],
    ['count', Number.NaN, 'it should be a whole number, but is null'],
    ['list', {}, 'it should be a list, but is {}'],
    ['list', ['one', 2], 'it[1] should be a string, but is 2'],
    ['optional', false, 'it should be a string, but is false'],
  ])('%s %j', (reader, value, message) => {
    expect(() => readers[reader](value, 'it')).toThrow(new Error(message))
  })

  test('and no more than 80 characters of it', () => {
    const message = (text: string): unknown =>
      expect.objectContaining({ message: `it should be an object, but is ${text}` })
    expect(() => record('x'.repeat(78), 'it')).toThrow(message(`"${'x'.repeat(78)}"`))
    expect(() => record('x'.repeat(79), 'it')).toThrow(message(`"${'x'.repeat(79)}…`))
  })
})

describe('JSON', () => {
  test.each<[string, unknown]>([
    ['{ "a": [1, "b"] }', { a: [1, 'b'] }],
    ['null', null],
    [' "text"\n', 'text'],
  ])('%s is read', (text, value) => {
    expect(parseJson(text, 'it')).toEqual(value)
  })

  test.each(['', '{', "{'a': 1}", 'undefined'])('that is none (%j) says so by its name, with the cause', (text) => {
    const read = (): unknown => parseJson(text, '/etc/config.json')
    expect(read).toThrow(
      expect.objectContaining({ message: '/etc/config.json is not JSON', cause: expect.any(SyntaxError) }),
    )
  })
})

test.each([
  [{}, true],
  [Object.create(null), true],
  [[], false],
  [null, false],
  ['text', false],
  [undefined, false],
])('%j is an object that has fields: %s', (value, expected) => {
  expect(isRecord(value)).toBe(expected)
})
