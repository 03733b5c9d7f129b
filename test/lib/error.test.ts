import { describe, expect, test } from 'vitest'
import { explain, messages, UserError } from '../../src/lib/error.ts'

describe('what the user is shown', () => {
  test('of a mistake of their own is the sentence alone', () => {
    const error = new UserError('`tags` is empty; write one.', { cause: new Error('a detail for nobody') })
    expect(explain(error)).toEqual({ sentence: '`tags` is empty; write one.', details: '' })
  })

  test('of any other error is what happened, a request to report it, and the stack for a maintainer', () => {
    const error = new Error('outer', { cause: new Error('inner') })
    expect(explain(error)).toEqual({
      sentence:
        'nix-image-action failed in a way that it does not know: outer: inner. Please report this with the log.',
      details: error.stack,
    })
    expect(error.stack).toContain('error.test.ts')
  })

  test.each([
    ['a string', 'out of paper', 'out of paper'],
    ['nothing at all', null, 'null'],
    ['a number', 42, '42'],
  ])('of %s that was thrown is its text', (_, thrown, text) => {
    expect(explain(thrown)).toEqual({
      sentence: `nix-image-action failed in a way that it does not know: ${text}. Please report this with the log.`,
      details: '',
    })
  })

  test('of a sentence that no annotation holds is all of it in the log, with a limit', () => {
    const sentence = 'x'.repeat(5_000)
    expect(explain(new UserError(sentence))).toEqual({ sentence, details: sentence })
    expect(explain(new UserError('x'.repeat(200_000))).details).toHaveLength(100_001)
  })

  test('tells a user error from others by its class, and by its name in a log', () => {
    const error = new UserError('a sentence')
    expect(error).toBeInstanceOf(Error)
    expect(`${error}`).toBe('UserError: a sentence')
  })
})

describe('the messages of an error', () => {
  const chain = (...texts: unknown[]): unknown =>
    texts.reduceRight((cause, text) => (typeof text === 'string' ? new Error(text, { cause }) : text))

  test.each([
    ['come outermost first', chain('outer', 'middle', 'inner'), ['outer', 'middle', 'inner']],
    ['end with a cause that is no error', chain('outer', 7), ['outer', '7']],
    ['leave out a cause that says the same', chain('outer', 'outer', 'inner'), ['outer', 'inner']],
    [
      'leave out a cause that was quoted',
      chain('cannot read: no such file', 'no such file'),
      ['cannot read: no such file'],
    ],
    ['have the name of an error without a message', new TypeError(''), ['TypeError']],
  ])('%s', (_, error, expected) => {
    expect(messages(error)).toEqual(expected)
  })
})
