/** How many bytes of a line are kept. */
const lineLimit = 16_384

/** Takes the chunks of a stream as they arrive, and then its end. */
export type LineReader = { readonly push: (chunk: Uint8Array) => void; readonly end: () => void }

/**
 * Calls `onLine` with each line of a UTF-8 stream as it arrives. A line ends with `\n`, `\r` or both. If a line is
 * longer than `limit` bytes, an ellipsis replaces the rest, which is dropped as it arrives.
 */
export const readLines = (onLine: (line: string) => void, limit = lineLimit): LineReader => {
  let parts: Uint8Array[] = []
  let length = 0
  let afterReturn = false
  const add = (bytes: Uint8Array): void => {
    // One more byte shows whether the last character is complete.
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

/** The position of the next end of a line, or the length of the chunk if it has none. */
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

/** Whether a byte of UTF-8 is not the first byte of its character. */
const isContinuation = (byte = 0): boolean => (byte & 0xc0) === 0x80
