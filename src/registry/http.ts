import { open } from 'node:fs/promises'
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { messages, UserError } from '../lib/error.ts'
import { parseRetryAfter } from '../lib/retry-after.ts'
import { answerWords } from './answer-words.ts'
import { type Allowance, allowance, startDeadline } from './deadline.ts'
import { RegistryError, TransientError } from './error.ts'

/** Bytes to send, or a file of known size that is read while it is sent. */
export type Body = Uint8Array | { readonly file: string; readonly size: number }

/** One request. `exchange` throws if the status of the answer is not in `expected`. */
export type HttpRequest = {
  readonly method: 'DELETE' | 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Body
  readonly expected: readonly number[]
}

export type HttpResponse = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/**
 * `idleLimit` is how long a connection may be idle, in milliseconds. `onSent` gets the number of bytes of a body as
 * they are sent. `redact` removes secrets from what the server says. `lookup` gives the function that looks up the host
 * of a URL (`undefined`: Node's own).
 */
export type Transport = {
  readonly signal: AbortSignal
  readonly idleLimit: number
  readonly wallClock: () => number
  readonly lookup: (url: URL) => LookupFunction | undefined
  readonly onSent: (bytes: number) => void
  readonly redact: (text: string) => string
  /** Hosts that have answered before, so their names are not mistyped. */
  readonly known: Set<string>
}

/** In bytes. More than any token, error or manifest needs. */
const longestAnswer = 8_000_000

/** The time limit for all exchanges that answer one question, however slowly bytes arrive: three times `idleLimit`. */
export const answerAllowance = ({ idleLimit }: Pick<Transport, 'idleLimit'>): Allowance => allowance(3 * idleLimit)

/**
 * Sends one request and returns the complete answer. Does not follow redirects. Everything, from the lookup of the host
 * to the last byte, ends when `allowed` is used up. An upload at 50 kB a second or faster uses up none of it; this is
 * an honest rate for one of several uploads that share a slow line. Throws a `RegistryError` for an unexpected status,
 * a `TransientError` if there is no answer, and a `UserError` if the answer is too long. No error contains headers or
 * the query, which may hold a signature.
 */
export const exchange = async (
  request: HttpRequest,
  transport: Transport,
  allowed: Allowance = answerAllowance(transport),
): Promise<HttpResponse> => {
  const { method, url, expected } = request
  let answer: HttpResponse
  try {
    answer = await transfer(request, transport, allowed)
  } catch (cause) {
    transport.signal.throwIfAborted()
    throw cause instanceof UserError ? cause : explainSilence(url, cause, transport.known.has(url.host))
  }
  transport.known.add(url.host)
  const { status, headers, body } = answer
  if (expected.includes(status)) return answer
  const { code, detail } = answerWords(body.toString(), transport.redact)
  const retryAfter = parseRetryAfter(headers['retry-after'], detail, { date: headers.date, now: transport.wallClock() })
  throw new RegistryError(`${method} ${url.origin}${url.pathname}`, status, code, detail, retryAfter)
}

/** Bytes per millisecond: the slowest upload that uses up no time. */
const slowestRate = 50

/** Bytes per millisecond. Some registries read a blob again before they answer, and nothing moves meanwhile. */
const commitRate = 2_000

/** Uses Node's own client instead of `fetch`, which keeps a copy of the body for redirects and reports no progress. */
const transfer = async (
  { method, url, headers = {}, body }: HttpRequest,
  transport: Transport,
  allowed: Allowance,
): Promise<HttpResponse> => {
  const { signal, idleLimit } = transport
  const size = body instanceof Uint8Array ? body.length : body?.size
  const start = url.protocol === 'http:' ? httpRequest : httpsRequest
  const lookup = transport.lookup(url)
  const request = start(url, {
    method,
    // Node would turn the user name in a URL into an `Authorization` header that nothing has checked.
    auth: null,
    headers: {
      'user-agent': 'nix-image-action',
      ...headers,
      ...(size !== undefined && { 'content-length': `${size}` }),
    },
    signal,
    timeout: idleLimit,
    ...(lookup && { lookup }),
  })
  let silence: Silence | undefined
  const end = (what: string, waited: number): void => {
    silence ??= new Silence(`${what} for ${waited / 1000} s`, waited)
    request.destroy(silence)
  }
  using deadline = startDeadline(allowed, () => end('hardly anything moved', allowed.most))
  request.on('timeout', () => end('nothing moved', idleLimit))
  if (size)
    request.on('finish', () => {
      request.setTimeout(idleLimit + size / commitRate)
      deadline.earn(size / commitRate, Number.POSITIVE_INFINITY)
    })
  const onSent = (bytes: number): void => {
    transport.onSent(bytes)
    deadline.earn(bytes / slowestRate)
  }
  // A fault while sending ends the request. It does not count if the registry refuses the request before it has the
  // whole body.
  const sent = send(request, body, onSent).catch((error) => request.destroy(error))
  try {
    const answer = await answerTo(request)
    // An answer of unknown length seems complete when its connection ends.
    if (silence) throw silence
    return answer
  } catch (error) {
    request.destroy()
    // The reason for ending the request says more than an error about a truncated answer.
    throw silence ?? error
  } finally {
    if (!request.writableFinished) request.destroy()
    await sent
  }
}

/** How much is sent at a time, in bytes. */
const slice = 256 * 1024

const send = async (request: ClientRequest, body: Body | undefined, onSent: Transport['onSent']): Promise<void> => {
  if (body === undefined || (body instanceof Uint8Array && body.length === 0)) {
    request.end()
    return
  }
  const pour = async (bytes: Readable): Promise<void> => {
    bytes.on('data', (chunk: Uint8Array) => onSent(chunk.length))
    await pipeline(bytes, request)
  }
  if (body instanceof Uint8Array) return pour(Readable.from(slicesOf(body)))
  await using file = await open(body.file)
  const { size } = await file.stat()
  if (size !== body.size) throw new BodyError(`${body.file} has ${size} bytes, not ${body.size}`)
  await pour(file.createReadStream({ highWaterMark: slice, autoClose: false }))
}

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += slice) yield bytes.subarray(from, from + slice)
}

/** A fault on this side of the connection. */
class BodyError extends Error {}

/** The server was waited for in vain, for `waited` milliseconds. */
class Silence extends Error {
  readonly waited: number

  constructor(message: string, waited: number) {
    super(message)
    this.waited = waited
  }
}

const answerTo = async (request: ClientRequest): Promise<HttpResponse> => {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
    // If a server offers another protocol unasked, the connection closes without an answer.
    request.on('close', () => reject(new Error('the connection ended without an answer')))
  })
  const { method, path } = request
  const check = (length: number): void => {
    // The answer would not be shorter the next time, so this is no `TransientError`.
    if (length > longestAnswer)
      throw new UserError(
        `${request.getHeader('host')} answers ${method} ${path.replace(/\?.*/, '')} with more than ${longestAnswer / 1_000_000} MB, as no registry does that is in order; check that \`image\` names a registry.`,
      )
  }
  if (method !== 'HEAD') check(Number(response.headers['content-length'] ?? 0))
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    check(length)
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

/** Error codes that say: a server answers, but the runner has no reason to trust it. */
const untrusted = /^(EPROTO|CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

const explainSilence = (url: URL, cause: unknown, isKnown: boolean): unknown => {
  const { code = '', path } = cause as NodeJS.ErrnoException
  if (cause instanceof BodyError || path !== undefined) return cause
  const waited = cause instanceof Silence ? cause.waited : undefined
  if (isKnown)
    return new TransientError(`${url.host} has stopped answering (${messages(cause).at(-1)}); run the job again.`, {
      cause,
      waited,
    })
  const isUntrusted = untrusted.test(code)
  const advice = isUntrusted ? ', that it speaks HTTPS and that the runner trusts its certificate' : ''
  // An unknown host, or one that refuses connections, is likely mistyped, but a registry may be about to start.
  const tries = isUntrusted || code === 'ENOTFOUND' ? 1 : code === 'ECONNREFUSED' ? 4 : undefined
  return new TransientError(
    `${url.host} does not answer (${messages(cause).at(-1)}); check the host in \`image\`${advice}, or run the job again.`,
    { cause, tries, waited },
  )
}
