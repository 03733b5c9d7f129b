import { fileNameBytes } from './file-name.ts'

/** A string in a NAR: its length in eight bytes, the bytes, and zeros up to a multiple of eight. */
const narString = (text: string): Buffer => {
  const content = fileNameBytes(text)
  const bytes = Buffer.alloc(8 + content.length + padding(content.length))
  bytes.writeUInt32LE(content.length)
  content.copy(bytes, 8)
  return bytes
}
export const narStrings = (...texts: string[]): Buffer => Buffer.concat(texts.map(narString))
const padding = (size: number): number => (8 - (size % 8)) % 8

/** Collects the text of NARs, with a cut at each place where bytes of the archive belong. */
export type NarText = {
  readonly add: (bytes: Buffer) => void
  /** Adds a name or a target as `fileName` returns it. */
  readonly addString: (text: string) => void
  /** Adds a number in eight bytes: the size of the content that comes next. */
  readonly addSize: (size: number) => void
  /** Adds the zeros that come after content of this size. */
  readonly addPadding: (size: number) => void
  /** Cuts here, and returns the number of bytes since the last cut. */
  readonly cut: () => number
  /** Removes and returns the text up to the last cut. */
  readonly take: () => Uint8Array<ArrayBuffer>
}

export const narText = (): NarText => {
  let buffer = Buffer.allocUnsafe(64 * 1024)
  let length = 0
  let end = 0
  const room = (bytes: number): void => {
    if (length + bytes <= buffer.length) return
    const larger = Buffer.allocUnsafe(2 * (length + bytes))
    buffer.copy(larger, 0, 0, length)
    buffer = larger
  }
  const add = (bytes: Buffer): void => {
    room(bytes.length)
    length += bytes.copy(buffer, length)
  }
  return {
    add,
    addString: (text) => {
      if (!text.isWellFormed()) return add(narString(text))
      // UTF-8 takes at most three bytes for each UTF-16 code unit.
      room(24 + 3 * text.length)
      const size = buffer.write(text, length + 8)
      buffer.writeUInt32LE(size, length)
      buffer.fill(0, length + 4, length + 8)
      buffer.fill(0, length + 8 + size, length + 16 + size)
      length += 8 + size + padding(size)
    },
    addSize: (size) => {
      room(8)
      length = buffer.writeBigUInt64LE(BigInt(size), length)
    },
    addPadding: (size) => {
      room(8)
      buffer.fill(0, length, length + 8)
      length += padding(size)
    },
    cut: () => {
      const bytes = length - end
      end = length
      return bytes
    },
    take: () => {
      const text = new Uint8Array(buffer.subarray(0, end))
      buffer.copyWithin(0, end, length)
      length -= end
      end = 0
      return text
    },
  }
}
