import { expect, test } from 'vitest'
import { counted, megabytes, seconds } from '../../src/lib/units.ts'

test.each([
  [0, '0.00 MB'],
  [1234, '0.00 MB'],
  [12_345, '0.01 MB'],
  [999_000, '1.00 MB'],
  [1_000_000, '1.0 MB'],
  [12_345_678, '12.3 MB'],
  [3_210_987_654, '3211.0 MB'],
])('%d bytes are %s', (bytes, text) => {
  expect(megabytes(bytes)).toBe(text)
})

test.each([
  [0, '0.00 s'],
  [0.004, '0.00 s'],
  [3.207, '3.21 s'],
  [61.5, '61.50 s'],
])('%d seconds are %s', (value, text) => {
  expect(seconds(value)).toBe(text)
})

test('one thing is not many', () => {
  expect([0, 1, 2].map((count) => counted(count, 'layer'))).toEqual(['0 layers', '1 layer', '2 layers'])
})
