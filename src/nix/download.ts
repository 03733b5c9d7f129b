import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '../lib/clock.ts'
import { isNoSpace, messages, UserError } from '../lib/error.ts'
import { isLoopback } from '../lib/loopback.ts'
import { isPrivateAddress } from '../lib/private-address.ts'
import { redact } from '../lib/redact.ts'
import { floorOfStatus, type Hope, retries } from '../lib/retry.ts'
import { parseRetryAfter } from '../lib/retry-after.ts'
import { shownUrl, urlSecrets } from '../lib/url-secrets.ts'

/** Times in milliseconds, sizes in bytes. */
export type DownloadOptions = {
  readonly signal: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  /** How long a server may send nothing before a try ends. */
  readonly idleLimit?: number
  /** For the whole download with all its tries. */
  readonly timeLimit?: number
  readonly sizeLimit?: number
}

const tries = 3
const redirects = 5

/** The longest wait before the next try that a server can ask for, in milliseconds. */
const longestWait = 30_000

/** Downloads a short text, without white space around it. Throws a `UserError` that names the URL. */
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

/**
 * Whether anybody may download from the URL; a server may show a page to log in instead. Of a server that is not there,
 * it says yes, so that the download itself says what is wrong.
 */
export const isPublic = async (url: string, signal: AbortSignal): Promise<boolean> => {
  const ends = AbortSignal.any([signal, AbortSignal.timeout(30_000)])
  const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: ends }).catch(() => undefined)
  signal.throwIfAborted()
  const place = URL.parse(response?.headers.get('location') ?? '', url)
  return response === undefined || (response.status < 400 && !/^\/login\b/.test(place?.pathname ?? ''))
}

type Limits = DownloadOptions & Required<Pick<DownloadOptions, 'timeLimit' | 'sizeLimit'>>

/** A server's refusal is final. Silence, a broken connection and a fault of the server may pass. */
const download = async <T>(
  url: string,
  { signal, headers = {}, idleLimit = 30_000, timeLimit, sizeLimit }: Limits,
  read: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> => {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(new Refusal(`it takes longer than ${timeLimit / 1000} s`)), timeLimit)
  const ends = AbortSignal.any([signal, deadline.signal])
  const attempt = async (): Promise<T> => {
    const idle = new AbortController()
    const timer = setTimeout(() => idle.abort(new Error(`nothing came for ${idleLimit / 1000} s`)), idleLimit)
    try {
      const body = await open(url, headers, AbortSignal.any([ends, idle.signal]), sizeLimit)
      return await read(watched(body, () => timer.refresh(), sizeLimit))
    } finally {
      clearTimeout(timer)
    }
  }
  try {
    return await retries(systemClock, { signal: ends, tries, hopeOf })(attempt)
  } catch (cause) {
    signal.throwIfAborted()
    const shown = shownUrl(url)
    if (isNoSpace(cause))
      throw new UserError(`There is no space left for ${shown}; free some on the disk of the runner.`, { cause })
    throw new UserError(
      `${shown} cannot be downloaded (${redact(reasonOf(cause), urlSecrets(url))}); check that it is right, or run the job again.`,
      { cause },
    )
  } finally {
    clearTimeout(timer)
  }
}

/** A failure that is not tried again. */
class Refusal extends Error {}

/** A failure that may pass. `floor` is how long to wait before the next try, in milliseconds. */
class Fault extends Error {
  readonly floor: number

  constructor(status: number, floor: number) {
    super(`the server answers ${status}`)
    this.floor = floor
  }
}

const hopeOf = (error: unknown): Hope | undefined =>
  error instanceof Refusal || isNoSpace(error) ? undefined : { floor: error instanceof Fault ? error.floor : 0 }

const reasonOf = (cause: unknown): string => messages(cause).at(-1) ?? ''

/** Follows redirects, except to the places that `next` refuses. `headers` go only to the origin of the first URL. */
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

const answered = (status: number, headers: Headers): Error => {
  const header = (name: string): string | undefined => headers.get(name) ?? undefined
  const asked = parseRetryAfter(header('retry-after'), '', { date: header('date'), now: systemClock.wallClock() })
  const floor = floorOfStatus(status, asked)
  return floor === undefined
    ? new Refusal(`the server answers ${status}`)
    : new Fault(status, Math.min(floor, longestWait))
}

/**
 * The next URL. Throws a `Refusal` if others can change the connection to it, if it is another host in the runner's own
 * network, or if it has a user or password.
 */
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
