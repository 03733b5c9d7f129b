import { expect, test } from 'vitest'
import { quoted } from '../../src/inputs/problem.ts'

test.each([
  ['nixos-25.11', 'nixos-25.11'],
  ['https://me:secret@a.org/s.html', 'https://***@a.org/s.html'],
  ['https://me:sec/ret@a.org/s.html', 'https://***@a.org/s.html'],
  ['https://a.org/s.html?token=secret', 'https://a.org/s.html?***'],
  ['https://a.org/s.html?token=sec@ret', 'https://a.org/s.html?***'],
  ['git+https://a.org/s?ref=main&rev=x#y', 'git+https://a.org/s?ref=main&rev=x#y'],
  ['git+https://a.org/s?ref=main&secret', 'git+https://a.org/s?ref=main&***'],
  ['git+https://a.org/s?ref=main;secret=x', 'git+https://a.org/s?***'],
])('%s is told as %s', (value, told) => {
  expect(quoted(value)).toBe(JSON.stringify(told))
})
