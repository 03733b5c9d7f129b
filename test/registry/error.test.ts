import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import {
  answerOf,
  isMissingContent,
  isRefusal,
  isSecondaryLimit,
  RegistryError,
  TransientError,
} from '../../src/registry/error.ts'

const answer = (status: number, code = '', detail = ''): RegistryError =>
  new RegistryError('PUT https://example.org/', status, code, detail)

test.each<[RegistryError, string]>([
  [answer(500), 'PUT https://example.org/ answered 500'],
  [answer(400, 'UNKNOWN'), 'PUT https://example.org/ answered 400 UNKNOWN'],
  [answer(400, '', 'what'), 'PUT https://example.org/ answered 400 what'],
  [answer(400, 'UNKNOWN', 'what'), 'PUT https://example.org/ answered 400 UNKNOWN what'],
])('an answer says what it was', (error, message) => {
  expect([error.message, error.name]).toEqual([message, 'RegistryError'])
})

test('the answer behind an error is found where there is one', () => {
  const error = answer(400)
  expect(answerOf(error)).toBe(error)
  expect(answerOf(new UserError('a sentence', { cause: error }))).toBe(error)
  for (const other of [
    new UserError('a sentence'),
    new Error('x', { cause: 'y' }),
    'text',
    undefined,
    null,
    { cause: error },
  ])
    expect(answerOf(other)).toBeUndefined()
})

test('trouble that may pass has any number of tries, if nothing else is said', () => {
  expect(new TransientError('no answer')).toMatchObject({ name: 'TransientError', tries: Number.POSITIVE_INFINITY })
  expect(new TransientError('no answer', { tries: 4, waited: 7, cause: 'x' })).toMatchObject({
    ...{ tries: 4, waited: 7, cause: 'x' },
  })
})

describe.each([
  ['itself', (error: RegistryError): Error => error],
  ['as explained', (error: RegistryError): Error => new UserError('a sentence', { cause: error })],
])('an answer, %s,', (_, wrapped) => {
  test.each([400, 404, 405, 409, 413, 416, 422, 499])('of %d is a refusal', (status) => {
    expect(isRefusal(wrapped(answer(status)))).toBe(true)
  })

  test.each([200, 307, 399, 401, 403, 408, 429, 500, 503])('of %d is none', (status) => {
    expect(isRefusal(wrapped(answer(status)))).toBe(false)
  })

  test.each<[number, string, string, boolean]>([
    [400, 'BLOB_UNKNOWN', '', true],
    [404, 'BLOB_UPLOAD_UNKNOWN', "Layers with digests '[sha256:1]' required for pushing do not exist", true],
    [404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry', false],
    [400, 'MANIFEST_BLOB_UNKNOWN', '', true],
    [404, 'MANIFEST_UNKNOWN', '', true],
    [400, 'UNKNOWN', 'unknown blob', true],
    [499, '', 'Unknown Blob sha256:…', true],
    [399, 'BLOB_UNKNOWN', '', false],
    [500, 'BLOB_UNKNOWN', '', false],
    [500, '', 'unknown blob', false],
    [404, 'NAME_UNKNOWN', '', false],
    [400, 'BLOB_UPLOAD_UNKNOWN', '', false],
    [400, '', 'no such thing', false],
  ])('of %d %s %s is about something that is missing: %s', (status, code, detail, expected) => {
    expect(isMissingContent(wrapped(answer(status, code, detail)))).toBe(expected)
  })
})

test('what is no answer is no refusal, and nothing is missing', () => {
  for (const error of [new Error('x'), new TransientError('no answer'), undefined])
    expect([isRefusal(error), isMissingContent(error)]).toEqual([false, false])
})

test.each<[number, string, boolean]>([
  [403, 'You have exceeded a secondary rate limit.', true],
  [403, 'SECONDARY RATE LIMIT', true],
  [403, 'rate limit', false],
  [429, 'You have exceeded a secondary rate limit.', false],
])('%d with "%s" is GitHub’s other limit: %s', (status, detail, expected) => {
  expect(isSecondaryLimit(answer(status, '', detail))).toBe(expected)
})
