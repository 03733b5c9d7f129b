import { describe, expect, test } from 'vitest'
import { parseSigningKey } from '../../src/inputs/signing-key.ts'

const secret = Buffer.from([...Array(64).keys()])
const publicHalf = secret.subarray(32).toString('base64')

const parse = (text: string) => {
  const problems: string[] = []
  return { key: parseSigningKey(text, (sentence) => problems.push(sentence)), problems }
}

test('a secret key has its public key in it', () => {
  const text = `cache.example.org-1:${secret.toString('base64')}`
  const key = { secretKey: text, publicKey: `cache.example.org-1:${publicHalf}` }
  expect(parse(text)).toEqual({ key, problems: [] })
  // A file ends with a newline, and a secret of GitHub often does too.
  expect(parse(`${text}\n`)).toEqual({ key, problems: [] })
})

test('none is none', () => expect(parse('')).toEqual({ key: undefined, problems: [] }))

describe('what is no secret key is told, and not repeated:', () => {
  const make = '(`nix-store --generate-binary-cache-key NAME secret.key public.key` makes one).'

  test('a public key', () => {
    expect(parse(`name-1:${publicHalf}`)).toEqual({
      key: undefined,
      problems: [`\`cache-signing-key\` is a public key; give the secret key that belongs to it ${make}`],
    })
  })

  test.each([
    ['base 64 without a name', secret.toString('base64')],
    ['an empty name', `:${secret.toString('base64')}`],
    ['a name with white space', `my key:${secret.toString('base64')}`],
    ['no base 64', 'name-1:not base 64'],
    ['a key that is cut off', `name-1:${secret.subarray(0, 63).toString('base64')}`],
    ['the name of a file', './secret.key'],
  ])('%s', (_, text) => {
    expect(parse(text)).toEqual({
      key: undefined,
      problems: [`\`cache-signing-key\` is no secret key of Nix; write \`NAME:\` and 64 bytes in base 64 ${make}`],
    })
  })
})
