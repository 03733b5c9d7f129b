import { expect, test } from 'vitest'
import { redact } from '../../src/lib/redact.ts'

test('every secret is hidden wherever it is, the longer one where one has another in it', () => {
  expect(redact('a token=abc b abc', ['abc', 'token=abc', ''])).toBe('a *** b ***')
  expect(redact('nothing', [])).toBe('nothing')
})
