/** Of a line, so many bytes are kept. */
const lineLimit = 16_384

/** Takes the chunks of a stream as they come, and is told of its end. */
export type LineReader = { readonly push: (chunk: Uint8Array) => void; readonly end: () => void }

/**
 * Tells `onLine` each line of a stream of UTF-8 as it comes; what ends one is `\n`, `\r` or both. Of a line that is
 * longer than `limit` bytes, the rest is dropped as it arrives, and an ellipsis is in its place.
 */
export const readLines = (onLine: (line: string) => void, limit = lineLimit): LineReader => {
  let parts: Uint8Array[] = []
  let length = 0
  let afterReturn = false
  const add = (bytes: Uint8Array): void => {
    // One byte more says whether the last character is whole.
    const kept = bytes.subarray(0, Math.max(0, limit + 1 - length))
    if (kept.length > 0) parts.push(Uint8Array.from(kept))
    length += bytes.length
  }
  const end = (): void => {
    onLine(decode(Buffer.concat(parts), limit))
    parts = []
    length = 0
  }
  return {
    push: (chunk) => {
      let start = afterReturn && chunk[0] === newline ? 1 : 0
      for (let at = endOfLine(chunk, start); at < chunk.length; at = endOfLine(chunk, start)) {
        add(chunk.subarray(start, at))
        end()
        start = at + (chunk[at] === carriageReturn && chunk[at + 1] === newline ? 2 : 1)
      }
      afterReturn = chunk.at(-1) === carriageReturn
      add(chunk.subarray(start))
    },
    end: () => {
      if (length > 0) end()
    },
  }
}

const newline = 10
const carriageReturn = 13

/** The length of the chunk, if there is none in it. */
const endOfLine = (chunk: Uint8Array, from: number): number => {
  const line = chunk.indexOf(newline, from)
  const end = line < 0 ? chunk.length : line
  const back = chunk.subarray(from, end).indexOf(carriageReturn)
  return back < 0 ? end : from + back
}

const decode = (bytes: Buffer, limit: number): string => {
  if (bytes.length <= limit) return bytes.toString()
  let end = limit
  while (end > 0 && isContinuation(bytes[end])) end--
  return `${bytes.subarray(0, end)}…`
}

/** Whether a byte of UTF-8 is not the first one of a character. */
const isContinuation = (byte = 0): boolean => (byte & 0xc0) === 0x80
