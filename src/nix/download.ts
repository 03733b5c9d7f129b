import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isNoSpace, messages, UserError } from '../lib/error.ts'
import { isLoopback } from '../lib/loopback.ts'
import { isPrivateAddress } from '../lib/private-address.ts'
import { redact } from '../lib/redact.ts'
import { shownUrl, urlSecrets } from '../lib/url-secrets.ts'

/** Times in milliseconds, sizes in bytes. */
export type DownloadOptions = {
  readonly signal: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  /** A server that sends nothing for so long is not going to. */
  readonly idleLimit?: number
  /** For all of it, with every try. */
  readonly timeLimit?: number
  readonly sizeLimit?: number
}

const tries = 3
const redirects = 5

/** What a server may ask for before the next try, in milliseconds. */
const longestWait = 30_000

/** A short text, without white space around it. Throws a `UserError` that names the URL. */
export const downloadText = (url: string, options: DownloadOptions): Promise<string> =>
  download(url, { timeLimit: 120_000, sizeLimit: 64_000, ...options }, async (body) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks).toString().trim()
  })

/** Downloads to a file and returns the SHA-256 of its bytes, in hex. Throws a `UserError` that names the URL. */
export const downloadFile = (url: string, file: string, options: DownloadOptions): Promise<string> =>
  download(url, { timeLimit: 1_200_000, sizeLimit: 500_000_000, ...options }, async (body) => {
    const hash = createHash('sha256')
    await pipeline(
      body,
      async function* (chunks) {
        for await (const chunk of chunks) {
          hash.update(chunk)
          yield chunk
        }
      },
      createWriteStream(file),
    )
    return hash.digest('hex')
  })

type Limits = DownloadOptions & Required<Pick<DownloadOptions, 'timeLimit' | 'sizeLimit'>>

/** An answer that says no is final; silence, a broken connection or a fault of the server may pass. */
const download = async <T>(
  url: string,
  { signal, headers = {}, idleLimit = 30_000, timeLimit, sizeLimit }: Limits,
  read: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> => {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(new Refusal(`it takes longer than ${timeLimit / 1000} s`)), timeLimit)
  try {
    for (let attempt = 1; ; attempt++) {
      const idle = new AbortController()
      const ends = AbortSignal.any([signal, deadline.signal])
      try {
        const timer = setTimeout(() => idle.abort(new Error(`nothing came for ${idleLimit / 1000} s`)), idleLimit)
        try {
          const body = await open(url, headers, AbortSignal.any([ends, idle.signal]), sizeLimit)
          return await read(watched(body, () => timer.refresh(), sizeLimit))
        } finally {
          clearTimeout(timer)
        }
      } catch (cause) {
        signal.throwIfAborted()
        const shown = shownUrl(url)
        if (isNoSpace(cause))
          throw new UserError(`There is no space left for ${shown}; free some on the disk of the runner.`, { cause })
        if (cause instanceof Refusal || attempt === tries || deadline.signal.aborted)
          throw new UserError(
            `${shown} cannot be downloaded (${redact(reasonOf(deadline.signal.aborted ? deadline.signal.reason : cause), urlSecrets(url))}); check that it is right, or run the job again.`,
            { cause },
          )
        const asked = cause instanceof Fault ? cause.wait : 0
        await sleep(Math.min(Math.max(1000 * attempt, asked), longestWait), undefined, { signal: ends }).catch(() => {})
        signal.throwIfAborted()
      }
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Final, for whatever the reason is. */
class Refusal extends Error {}

/** `wait`: how long the server wants to be left alone, in milliseconds. */
class Fault extends Error {
  readonly wait: number

  constructor(status: number, wait: number) {
    super(`the server answers ${status}`)
    this.wait = wait
  }
}

const reasonOf = (cause: unknown): string => messages(cause).at(-1) ?? ''

/** Follows redirects, but to nowhere that the first server could not be asked at, nor with what was meant for that one alone. */
const open = async (
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  sizeLimit: number,
): Promise<ReadableStream<Uint8Array>> => {
  const first = URL.parse(url)
  if (!first) throw new Refusal('it is no URL')
  let place = first
  for (let count = 0; count <= redirects; count++) {
    const own = place.origin === first.origin ? headers : {}
    const response = await fetch(place.href, { headers: own, signal, redirect: 'manual' })
    const { status, body } = response
    if (status === 200 && body) {
      if (Number(response.headers.get('content-length') ?? 0) <= sizeLimit) return body
      await body.cancel()
      throw tooLarge(sizeLimit)
    }
    await body?.cancel()
    const location = response.headers.get('location')
    if (![301, 302, 303, 307, 308].includes(status) || location === null) throw answered(status, response.headers)
    place = next(location, place, first)
  }
  throw new Refusal(`the server sends elsewhere more than ${redirects} times`)
}

const answered = (status: number, headers: Headers): Error =>
  status >= 500 || status === 429
    ? new Fault(status, (Number(headers.get('retry-after')) || 0) * 1000)
    : new Refusal(`the server answers ${status}`)

/** Throws a `Refusal` if it leads to a connection that others can change, or into the network that the runner is in. */
const next = (location: string, from: URL, first: URL): URL => {
  const place = URL.parse(location, from.href)
  const isHere = place?.hostname === first.hostname
  const isSafe =
    place?.protocol === 'https:'
      ? isHere || !isPrivateAddress(place.hostname)
      : place?.protocol === 'http:' && first.protocol === 'http:' && isLoopback(place.hostname)
  if (!place || !isSafe || place.username || place.password)
    throw new Refusal(
      `the server sends to ${place?.host ? `${place.protocol}//${place.host}` : 'no URL'}, which is not followed`,
    )
  return place
}

const tooLarge = (limit: number): Refusal => new Refusal(`it is larger than ${limit / 1e6} MB`)

async function* watched(
  body: ReadableStream<Uint8Array>,
  arrived: () => void,
  limit: number,
): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of body) {
    arrived()
    size += chunk.length
    if (size > limit) throw tooLarge(limit)
    yield chunk
  }
}
