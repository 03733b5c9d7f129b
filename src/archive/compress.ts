import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import type { Compression } from '../oci/compression.ts'

type Options = { readonly chunkSize: number; readonly level?: number; readonly params?: Record<number, number> }

const gzipBlock = promisify<Uint8Array, Options, Buffer>(gzip)
const zstdBlock = promisify<Uint8Array, Options, Buffer>(zstdCompress)

/** What a block may grow by that cannot be compressed, and more. */
const margin = 64 * 1024

/**
 * Compresses blocks on every core, and gives each to `done` when its content is not needed any more. The result is a series
 * of gzip members (RFC 1952, section 2.2) or zstd frames (RFC 8878, section 3), which decompressors read as one stream; in
 * the order of the blocks, whichever is ready first.
 */
export async function* compress(
  blocks: AsyncIterable<Buffer>,
  { algorithm, level }: Compression,
  done: (block: Buffer) => void,
): AsyncGenerator<Uint8Array> {
  if (algorithm === 'none') {
    yield* blocks
    return
  }
  const compressBlock = (block: Buffer): Promise<Buffer> => {
    // In one chunk: for each more, the thread of the pool would wait for the main thread.
    const chunkSize = block.length + margin
    return algorithm === 'gzip'
      ? gzipBlock(block, { chunkSize, level })
      : zstdBlock(block, { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: level } })
  }
  const pending: Promise<Buffer>[] = []
  for await (const block of blocks) {
    const compressed = compressBlock(block).finally(() => done(block))
    // A rejection is met where its turn comes; until then it must not count as unhandled.
    compressed.catch(() => {})
    pending.push(compressed)
    if (pending.length > availableParallelism()) yield (await pending.shift()) as Buffer
  }
  for (const compressed of pending) yield await compressed
}

/** The same bytes in blocks of this size, the last one shorter; `next` gives the buffers to put them in. */
export async function* inBlocks(
  source: AsyncIterable<Uint8Array>,
  size: number,
  next: () => Buffer,
): AsyncGenerator<Buffer> {
  let block = next()
  let filled = 0
  for await (const chunk of source)
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + size - filled)
      block.set(part, filled)
      taken += part.length
      filled += part.length
      if (filled === size) {
        yield block
        block = next()
        filled = 0
      }
    }
  if (filled > 0) yield block.subarray(0, filled)
}
