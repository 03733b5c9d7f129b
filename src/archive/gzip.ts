import { combinedCrc } from './combined-crc.ts'
import type { Part } from './deflate.ts'

/** No name, no time, no flags and an unknown operating system: the ten bytes are the same everywhere. */
const header = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])

/** The last block of a stream, which is empty. */
const end = [3, 0]

/**
 * One gzip member of all parts: some programs read the first member of a file only. Source: RFC 1952, section 2.3, and
 * RFC 1951, section 3.2.3.
 */
export async function* gzip(parts: AsyncIterable<Part>): AsyncGenerator<Uint8Array> {
  yield header
  let [crc, total] = [0, 0]
  for await (const { bytes, size, crc: crcOfPart } of parts) {
    yield bytes
    crc = combinedCrc(crc, crcOfPart, size)
    total += size
  }
  const trailer = new DataView(new ArrayBuffer(end.length + 8))
  for (const [index, byte] of end.entries()) trailer.setUint8(index, byte)
  trailer.setUint32(end.length, crc, true)
  trailer.setUint32(end.length + 4, total % 2 ** 32, true)
  yield new Uint8Array(trailer.buffer)
}
