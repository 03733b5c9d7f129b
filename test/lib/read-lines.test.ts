import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readLines } from '../../src/lib/read-lines.ts'

const read = (chunks: readonly Uint8Array[], limit?: number): string[] => {
  const lines: string[] = []
  const reader = readLines((line) => lines.push(line), limit)
  for (const chunk of chunks) reader.push(chunk)
  reader.end()
  return lines
}

test('lines are the same however they arrive, and end as lines do', () => {
  const text = fc.array(fc.constantFrom('a', 'ä', '漢', '😀', '\n', '\r', '\r\n', ' '), { maxLength: 40 })
  fc.assert(
    fc.property(text, fc.array(fc.nat(60), { maxLength: 6 }), (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''))
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
      const expected = parts.join('').split(/\r\n|\n|\r/)
      if (expected.at(-1) === '') expected.pop()
      expect(read(chunks)).toEqual(expected)
    }),
    { numRuns: 500, seed: 4 },
  )
})

test('a long line is cut between two characters, and the rest of it is not kept', () => {
  const bytes = Buffer.from(`${'ä'.repeat(6)}\nb\n${'c'.repeat(10)}\n${'d'.repeat(11)}`)
  for (const size of [1, 3, 100]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    )
    expect(read(chunks, 10)).toEqual([`${'ä'.repeat(5)}…`, 'b', 'c'.repeat(10), `${'d'.repeat(10)}…`])
    expect(read(chunks, 9)).toEqual([`${'ä'.repeat(4)}…`, 'b', `${'c'.repeat(9)}…`, `${'d'.repeat(9)}…`])
  }
})

test('a line of a gigabyte takes no memory', () => {
  const chunk = Buffer.alloc(1_000_000, 'x')
  const before = process.memoryUsage.rss()
  let most = 0
  const lines: string[] = []
  const reader = readLines((line) => lines.push(line))
  for (let index = 0; index < 1_000; index++) {
    most = Math.max(most, process.memoryUsage.rss())
    reader.push(chunk)
  }
  reader.end()
  expect(lines.map(({ length }) => length)).toEqual([16_385])
  expect(most - before).toBeLessThan(100_000_000)
})
