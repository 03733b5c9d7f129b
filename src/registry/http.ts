import { isRecord, record } from '../check.ts'
import { messages } from '../error.ts'
import { NoAnswerError, RegistryError } from './error.ts'
import { parseRetryAfter } from './retry.ts'

/**
 * One request. `expected` are the statuses that are an answer to it; for any other, `send` throws. A body that is a `Blob`
 * of a file is read from disk while it is sent.
 */
export type Request = {
  readonly method: 'DELETE' | 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Blob | Uint8Array
  readonly expected: readonly number[]
}

/** A registry that does not answer at all for so long is not going to; in milliseconds. */
const idleLimit = 60_000

/**
 * Sends a request and returns the answer. Throws a `RegistryError` for an unexpected status and a `NoAnswerError`
 * where there was none. Headers and the query, which may hold a signature, are in neither.
 */
export const send = async (
  { method, url, headers = {}, body, expected }: Request,
  signal: AbortSignal,
): Promise<Response> => {
  let response: Response
  try {
    response = await fetch(url, {
      method,
      headers,
      ...(body && { body: body as Blob }),
      // 'manual' would make fetch keep a copy of the whole body in memory, to be able to send it again.
      redirect: body ? 'error' : 'manual',
      signal: body ? signal : AbortSignal.any([signal, AbortSignal.timeout(idleLimit)]),
    })
  } catch (cause) {
    signal.throwIfAborted()
    const reason = messages(cause).at(-1)
    throw new NoAnswerError(
      `${url.host} does not answer (${reason}); check the host in \`image\`, or run the job again.`,
      { cause },
    )
  }
  if (expected.includes(response.status)) return response
  const { code, detail } = errorOf(await response.text().catch(() => ''))
  const retryAfter = parseRetryAfter(response.headers.get('retry-after'), detail, dateOf(response))
  throw new RegistryError(`${method} ${url.origin}${url.pathname}`, response.status, code, detail, retryAfter)
}

/** The time that the registry has, so that clocks which differ do not matter; in milliseconds since the epoch. */
const dateOf = (response: Response): number => Date.parse(response.headers.get('date') ?? '') || 0

/** Source: OCI distribution specification, "Error Codes". */
const errorOf = (body: string): { code: string | undefined; detail: string } => {
  try {
    const { errors } = record(JSON.parse(body), 'the answer')
    const first = Array.isArray(errors) ? errors[0] : undefined
    if (!isRecord(first)) return { code: undefined, detail: '' }
    const text = (value: unknown): string => (typeof value === 'string' ? value : '')
    return { code: text(first['code']), detail: text(first['message']) }
  } catch {
    return { code: undefined, detail: body.slice(0, 200).replaceAll(/\s+/g, ' ') }
  }
}
