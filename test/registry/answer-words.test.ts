import { describe, expect, test } from 'vitest'
import { answerWords } from '../../src/registry/answer-words.ts'

const of = (body: unknown) => answerWords(typeof body === 'string' ? body : JSON.stringify(body), (text) => text)
const errors = (...errors: unknown[]) => of({ errors })

describe('the words of an answer are', () => {
  test.each<[string, ReturnType<typeof of>, string | undefined, string]>([
    ['those of an OCI error', errors({ code: 'DENIED', message: 'no' }), 'DENIED', 'no'],
    ['with what only its detail says', errors({ code: 'X', message: 'no', detail: 'too big' }), 'X', 'no (too big)'],
    ['or its detail’s message', errors({ message: 'no', detail: { message: 'schema' } }), undefined, 'no (schema)'],
    ['or its detail’s description', errors({ message: 'no', detail: { description: 'why' } }), undefined, 'no (why)'],
    ['without a detail that is no text', errors({ message: 'no', detail: [{ Type: 'repository' }] }), undefined, 'no'],
    ['without what is there already', errors({ message: 'too big', detail: 'big' }), undefined, 'too big'],
    ['of the detail alone', errors({ code: 'X', message: '', detail: 'why' }), 'X', 'why'],
    ['of the first errors', errors(...['a', 'b', 'b', 'c'].map((message) => ({ message }))), undefined, 'a; b'],
    [
      'those of Docker Hub’s tokens',
      of({ details: 'incorrect username or password' }),
      undefined,
      'incorrect username or password',
    ],
    ['those of OAuth', of({ error: 'invalid_grant', error_description: 'expired' }), undefined, 'expired'],
    ['or only its error', of({ error: 'invalid_grant' }), undefined, 'invalid_grant'],
    ['plain text', of('404 page not found\n'), undefined, '404 page not found'],
    [
      'those of a page',
      of('<html><head><style>a{}</style><title>413 Too Large</title><script>x()</script></head><body\n><h1>nginx</h1>'),
      undefined,
      '413 Too Large nginx',
    ],
    ['nothing of other JSON', of('7'), undefined, ''],
    ['nothing of a list of texts', errors('text'), undefined, ''],
    ['nothing of nothing', of(''), undefined, ''],
  ])('%s', (_, words, code, detail) => {
    expect(words).toEqual({ code, detail })
  })
})

describe('words of somebody who means ill', () => {
  test.each([
    'one\n::error::two',
    'one\r::add-mask::two',
    'one\u001b[31mtwo',
    'one\u2028two',
    'one\u202etwo',
    'one\0two',
  ])('are on one line, without control characters: %j', (text) => {
    for (const { detail } of [errors({ message: text }), errors({ detail: text }), of(text), of(`<p>${text}`)])
      expect(detail).toMatch(/^one [^\p{C}\n]*two$/u)
  })

  test('are cut off', () => {
    expect(errors({ code: 'X'.repeat(5000), message: 'y'.repeat(5000) })).toEqual({
      code: `${'X'.repeat(100)}…`,
      detail: `${'y'.repeat(1000)}…`,
    })
    expect(of('z'.repeat(5000)).detail).toHaveLength(1001)
  })

  test('take no time, even in a large page', () => {
    const start = performance.now()
    for (const part of ['<', '<style', '<script>', '<a ', ' ', '\n'])
      of(`<html>${part.repeat(8_000_000 / part.length)}`)
    expect(performance.now() - start).toBeLessThan(3000)
  })

  test('have no secrets', () => {
    const redact = (text: string): string => text.replaceAll('secret', '***')
    for (const body of ['you said secret', '<p>you said secret', '{"message":"you said secret"}'])
      expect(answerWords(body, redact).detail).toBe('you said ***')
    expect(answerWords('{"code":"secret","message":""}', redact).code).toBe('***')
  })
})
