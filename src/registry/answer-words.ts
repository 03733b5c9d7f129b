import { isRecord } from '../lib/check.ts'
import { shortened } from '../lib/shortened.ts'

/** What an answer says of its reason: an error code, and words on one line. Either may be missing. */
export type AnswerWords = { readonly code: string | undefined; readonly detail: string }

/** In characters. A page of a web server or a proxy says what it has to say at its beginning. */
const longestPage = 10_000
const longestDetail = 1000
const longestCode = 100

/** How many errors of one answer are told. */
const mostErrors = 3

/**
 * Reads the body of an unexpected answer: the errors of the OCI distribution specification ("Error Codes"), those of
 * OAuth, other JSON, a web page or plain text. `redact` takes secrets out. The words are somebody else's, so they have
 * no line breaks and no control characters, and not more than 1000 characters.
 */
export const answerWords = (body: string, redact: (text: string) => string): AnswerWords => {
  const line = (text: string, longest = longestDetail): string =>
    shortened(
      redact(text)
        .replaceAll(/[\p{C}\s]+/gu, ' ')
        .trim(),
      longest,
    )
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch {
    return { code: undefined, detail: line(textOf(redact(body).slice(0, longestPage))) }
  }
  if (!isRecord(answer)) return { code: undefined, detail: '' }
  const errors = (Array.isArray(answer['errors']) ? answer['errors'] : [answer]).filter(isRecord).slice(0, mostErrors)
  const code = errors[0]?.['code']
  const told = new Set(errors.map((error) => line(messageOf(error))).filter((text) => text !== ''))
  return { code: typeof code === 'string' ? line(code, longestCode) : undefined, detail: line([...told].join('; ')) }
}

/** `detail` is anything. Artifactory and Quay have the reason there, and only general words in `message`. */
const messageOf = (error: Record<string, unknown>): string => {
  const firstText = (record: Record<string, unknown>, names: readonly string[]): string =>
    (names.map((name) => record[name]).find((value) => typeof value === 'string' && value !== '') as
      | string
      | undefined) ?? ''
  const message = firstText(error, ['message', 'details', 'error_description', 'error'])
  const { detail } = error
  const more =
    typeof detail === 'string'
      ? detail
      : isRecord(detail)
        ? firstText(detail, ['message', 'description', 'reason'])
        : ''
  return more === '' || message.includes(more) ? message : message === '' ? more : `${message} (${more})`
}

/** The text of a web page without its marks, or the text itself. */
const textOf = (body: string): string =>
  /^\s*</.test(body) ? body.replaceAll(/<(style|script)\b.*?(<\/\1>|$)/gis, ' ').replaceAll(/<[^>]*(>|$)/g, ' ') : body
