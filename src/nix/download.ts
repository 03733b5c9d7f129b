import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { isNoSpace, messages, UserError } from '../error.ts'
import { redact } from '../lib/redact.ts'
import { shownUrl, urlSecrets } from '../lib/url-secrets.ts'

export type DownloadOptions = {
  readonly signal: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  /** A server that sends nothing for so long is not going to, in milliseconds. */
  readonly idleLimit?: number
}

const tries = 3

/** A short text, without white space around it. Throws a `UserError` that names the URL. */
export const downloadText = (url: string, options: DownloadOptions): Promise<string> =>
  download(url, options, async (body) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks).toString().trim()
  })

/** Downloads to a file and returns the SHA-256 of its bytes, in hex. Throws a `UserError` that names the URL. */
export const downloadFile = (url: string, file: string, options: DownloadOptions): Promise<string> =>
  download(url, options, async (body) => {
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

/** An answer that says no is final; silence, a broken connection or a fault of the server may pass. */
const download = async <T>(
  url: string,
  { signal, headers = {}, idleLimit = 30_000 }: DownloadOptions,
  read: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    const idle = new AbortController()
    try {
      const timer = setTimeout(() => idle.abort(new Error(`nothing came for ${idleLimit / 1000} s`)), idleLimit)
      try {
        const response = await fetch(url, { headers, signal: AbortSignal.any([signal, idle.signal]) })
        if (response.status !== 200 || !response.body) throw new Refusal(response.status)
        return await read(watched(response.body, () => timer.refresh()))
      } finally {
        clearTimeout(timer)
      }
    } catch (cause) {
      signal.throwIfAborted()
      if (isNoSpace(cause))
        throw new UserError(`There is no space left for ${shownUrl(url)}; free some on the disk of the runner.`, {
          cause,
        })
      const isFinal = cause instanceof Refusal && cause.status < 500 && cause.status !== 429
      if (isFinal || attempt === tries)
        throw new UserError(
          `${shownUrl(url)} cannot be downloaded (${redact(messages(cause).at(-1) ?? '', urlSecrets(url))}); check that it is right, or run the job again.`,
          { cause },
        )
      await new Promise((resolve) => setTimeout(resolve, 1000 * attempt))
    }
  }
}

class Refusal extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the server answers ${status}`)
    this.status = status
  }
}

async function* watched(body: ReadableStream<Uint8Array>, arrived: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    arrived()
    yield chunk
  }
}
