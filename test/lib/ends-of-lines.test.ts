import { expect, test } from 'vitest'
import { endsOfLines } from '../../src/lib/ends-of-lines.ts'

const kept = (lines: readonly string[], limit?: number): string => {
  const ends = endsOfLines(limit)
  for (const line of lines) ends.push(line)
  return ends.text()
}

test('few lines are kept as they are', () => {
  expect(kept([])).toBe('')
  expect(kept(['a', '', 'b'])).toBe('a\n\nb')
})

test('of many, the first and the last are', () => {
  const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index}`)
  const text = kept(lines, 1_000).split('\n')
  expect(text[0]).toBe('line 0')
  expect(text.at(-1)).toBe('line 99999')
  const between = text.findIndex((line) => line.startsWith('… '))
  expect(text[between]).toBe(`… ${100_000 - (text.length - 1)} lines are left out …`)
  expect(text.slice(0, between)).toEqual(lines.slice(0, between))
  expect(text.slice(between + 1)).toEqual(lines.slice(between + 1 - text.length))
  expect(text.join('\n').length).toBeLessThan(3_100)
})

test('a line that is longer than all is kept as the last one', () => {
  expect(kept(['a', 'b'.repeat(50), 'c'.repeat(50)], 10)).toBe(`a\n… 1 lines are left out …\n${'c'.repeat(50)}`)
})
