import { expect, test } from 'vitest'
import { checkUnsupported } from '../../src/inputs/unsupported.ts'

/** The values at which inputs without an effect have none, where that is not nothing. */
const harmless: Record<string, string> = { reuse: 'true' }

const problems = (inputs: Record<string, string>): string[] => {
  const found: string[] = []
  checkUnsupported(
    (name) => inputs[name] ?? harmless[name] ?? '',
    (sentence) => found.push(sentence),
  )
  return found
}

test.each([
  'annotations',
  'cache-signing-key',
  'cmd',
  'entrypoint',
  'env',
  'expose',
  'labels',
  'user',
  'volumes',
  'workdir',
])('%s is refused, so that nobody believes that it had an effect', (name) => {
  expect(problems({ [name]: 'anything' })).toEqual([`\`${name}\` is not supported yet; write nothing.`])
  expect(problems({ [name]: '' })).toEqual([])
})

test.each([['reuse', ['registry', '']]])('%s is taken where it has no effect, and %j is not', (name, refused) => {
  for (const value of ['true', 'false']) expect(problems({ [name]: value })).toEqual([])
  for (const value of refused)
    expect(problems({ [name]: value })).toEqual([`\`${name}\` is not supported yet; write \`true\` or \`false\`.`])
})
