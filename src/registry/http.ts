import { open } from 'node:fs/promises'
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { isRecord, record } from '../check.ts'
import { messages } from '../error.ts'
import { PassingError, RegistryError } from './error.ts'
import { parseRetryAfter } from './retry-after.ts'

/** Bytes to send, or a file that is read while it is sent, whose size is known. */
export type Body = Uint8Array | { readonly file: string; readonly size: number }

/** One request. `expected` are the statuses that are an answer to it; for any other, `exchange` throws. */
export type Request = {
  readonly method: 'DELETE' | 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Body
  readonly expected: readonly number[]
}

export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/**
 * `idleLimit` is how long nothing may move, in milliseconds; `onSent` is told the bytes of a body as they go; `redact` takes
 * secrets out of what the other side says.
 */
export type Wire = {
  readonly signal: AbortSignal
  readonly idleLimit: number
  readonly onSent: (bytes: number) => void
  readonly redact: (text: string) => string
  /** Hosts that have answered, which are not mistyped. */
  readonly known: Set<string>
}

/** Nobody needs more of a token, an error or a manifest; in bytes. */
const longestAnswer = 8_000_000

/**
 * Sends one request, follows nothing, and returns the complete answer. Throws a `RegistryError` for an unexpected status and a
 * `PassingError` where there was none. Headers and the query, which may hold a signature, are in neither.
 */
export const exchange = async (request: Request, wire: Wire): Promise<Answer> => {
  const { method, url, expected } = request
  let answer: Answer
  try {
    answer = await transfer(request, wire)
  } catch (cause) {
    wire.signal.throwIfAborted()
    throw explainSilence(url, cause, wire.known.has(url.host))
  }
  wire.known.add(url.host)
  const { status, headers, body } = answer
  if (expected.includes(status)) return answer
  const { code, detail } = errorOf(body.toString(), wire.redact)
  // Its own time, so that clocks which differ do not matter.
  const now = Date.parse(headers.date ?? '') || 0
  const retryAfter = parseRetryAfter(headers['retry-after'], detail, now)
  throw new RegistryError(`${method} ${url.origin}${url.pathname}`, status, code, detail, retryAfter)
}

/** Some registries read a blob once more before they answer, when nothing moves; bytes in a millisecond. */
const commitRate = 2_000

/** With Node's own client and not `fetch`, which keeps a copy of a body that may have to be redirected, and shows no progress. */
const transfer = async ({ method, url, headers = {}, body }: Request, wire: Wire): Promise<Answer> => {
  const { signal, idleLimit, onSent } = wire
  const size = body instanceof Uint8Array ? body.length : body?.size
  const start = url.protocol === 'http:' ? httpRequest : httpsRequest
  const request = start(url, {
    method,
    // The user of a URL would become an authorization that nobody has looked at.
    auth: null,
    headers: {
      'user-agent': 'nix-image-action',
      ...headers,
      ...(size !== undefined && { 'content-length': `${size}` }),
    },
    signal,
    timeout: idleLimit,
  })
  request.on('timeout', () => request.destroy(new Error(`nothing moved for ${idleLimit / 1000} s`)))
  if (size) request.on('finish', () => request.setTimeout(idleLimit + size / commitRate))
  // What ends the one ends the other, and a registry may have said no before it had everything.
  const sent = send(request, body, onSent).catch((error) => request.destroy(error))
  try {
    return await answerTo(request, answerLimit * idleLimit)
  } finally {
    if (!request.writableFinished) request.destroy()
    await sent
  }
}

const send = async (request: ClientRequest, body: Body | undefined, onSent: Wire['onSent']): Promise<void> => {
  if (body === undefined || body instanceof Uint8Array) {
    request.end(body)
    onSent(body?.length ?? 0)
    return
  }
  await using file = await open(body.file)
  const { size } = await file.stat()
  if (size !== body.size) throw new BodyError(`${body.file} has ${size} bytes, not ${body.size}`)
  const bytes = file.createReadStream({ highWaterMark: 256 * 1024, autoClose: false })
  bytes.on('data', (chunk) => onSent(chunk.length))
  await pipeline(bytes, request)
}

/** Something is wrong on this side of the connection. */
class BodyError extends Error {}

/** For how many idle limits an answer may go on that has begun, however slowly it comes. */
const answerLimit = 3

const answerTo = async (request: ClientRequest, limit: number): Promise<Answer> => {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
  })
  const chunks: Buffer[] = []
  let length = 0
  const late = setTimeout(() => response.destroy(new Error(`its answer has no end after ${limit / 1000} s`)), limit)
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > longestAnswer) throw new Error(`its answer is longer than ${longestAnswer} bytes`)
      chunks.push(chunk)
    }
  } finally {
    clearTimeout(late)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

/** Something answers, which the runner has no reason to believe. */
const untrusted = /^(EPROTO|CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

const explainSilence = (url: URL, cause: unknown, isKnown: boolean): unknown => {
  const { code = '', path } = cause as NodeJS.ErrnoException
  if (cause instanceof BodyError || path !== undefined) return cause
  if (isKnown)
    return new PassingError(`${url.host} has stopped answering (${messages(cause).at(-1)}); run the job again.`, {
      cause,
    })
  const isUntrusted = untrusted.test(code)
  const advice = isUntrusted ? ', that it speaks HTTPS and that the runner trusts its certificate' : ''
  // A host that nobody has or where nobody listens is likely mistyped, but a registry may be about to start.
  const tries = isUntrusted || code === 'ENOTFOUND' ? 1 : code === 'ECONNREFUSED' ? 4 : undefined
  return new PassingError(
    `${url.host} does not answer (${messages(cause).at(-1)}); check the host in \`image\`${advice}, or run the job again.`,
    { cause, tries },
  )
}

/** Source: OCI distribution specification, "Error Codes". */
const errorOf = (body: string, redact: Wire['redact']): { code: string | undefined; detail: string } => {
  try {
    const answer = record(JSON.parse(body), 'the answer')
    const first = Array.isArray(answer['errors']) ? answer['errors'][0] : answer
    const text = (value: unknown): string => (typeof value === 'string' ? redact(value).slice(0, 1000) : '')
    if (!isRecord(first)) return { code: undefined, detail: '' }
    return { code: text(first['code']), detail: text(first['message']) }
  } catch {
    return { code: undefined, detail: redact(body).slice(0, 200).replaceAll(/\s+/g, ' ') }
  }
}
