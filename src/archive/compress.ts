import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import { blockSize, type Compression } from '../oci/compression.ts'

const gzipBlock = promisify<Uint8Array, { level: number }, Buffer>(gzip)
const zstdBlock = promisify<Uint8Array, { params: Record<number, number> }, Buffer>(zstdCompress)

/**
 * Compresses blocks on every core. The result is a series of gzip members (RFC 1952, section 2.2) or zstd frames (RFC 8878,
 * section 3), which decompressors read as one stream; in the order of the blocks, whichever is ready first.
 */
export async function* compress(
  blocks: AsyncIterable<Uint8Array>,
  { algorithm, level }: Compression,
): AsyncGenerator<Uint8Array> {
  if (algorithm === 'none') {
    yield* blocks
    return
  }
  const compressBlock = (block: Uint8Array): Promise<Buffer> =>
    algorithm === 'gzip'
      ? gzipBlock(block, { level })
      : zstdBlock(block, { params: { [constants.ZSTD_c_compressionLevel]: level } })

  const pending: Promise<Buffer>[] = []
  for await (const block of blocks) {
    const compressed = compressBlock(block)
    // A rejection is met where its turn comes; until then it must not count as unhandled.
    compressed.catch(() => {})
    pending.push(compressed)
    if (pending.length > availableParallelism()) yield (await pending.shift()) as Buffer
  }
  for (const compressed of pending) yield await compressed
}

/** The same bytes in blocks of `blockSize`, the last one shorter. */
export async function* inBlocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block = Buffer.allocUnsafe(blockSize)
  let filled = 0
  for await (const chunk of source)
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + blockSize - filled)
      block.set(part, filled)
      taken += part.length
      filled += part.length
      if (filled === blockSize) {
        yield block
        block = Buffer.allocUnsafe(blockSize)
        filled = 0
      }
    }
  if (filled > 0) yield block.subarray(0, filled)
}
