import { expect, test } from 'vitest'
import { checkUnsupported } from '../../src/inputs/unsupported.ts'

const problems = (inputs: Record<string, string>): string[] => {
  const found: string[] = []
  checkUnsupported(
    (name) => inputs[name] ?? '',
    (sentence) => found.push(sentence),
  )
  return found
}

test('cache-signing-key is refused, so that nobody believes that it had an effect', () => {
  expect(problems({ 'cache-signing-key': 'anything' })).toEqual([
    '`cache-signing-key` is not supported yet; write nothing.',
  ])
  expect(problems({ 'cache-signing-key': '' })).toEqual([])
})
