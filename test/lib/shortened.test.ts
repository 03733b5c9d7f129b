import { expect, test } from 'vitest'
import { shortened } from '../../src/lib/shortened.ts'

test.each([
  ['short', 5, 'short'],
  ['longer', 5, 'longe…'],
  ['😀😀', 3, '😀…'],
  ['😀😀', 4, '😀😀'],
  ['', 0, ''],
])('%s is at most %i characters', (text, limit, expected) => {
  expect(shortened(text, limit)).toBe(expected)
})
