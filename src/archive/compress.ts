import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import type { Block } from './block.ts'
import { blockSize } from './compression.ts'
import { gzipMember } from './deflate.ts'

type Options = { readonly chunkSize: number; readonly params: Record<number, number> }

const zstdBlock = promisify<Uint8Array, Options, Buffer>(zstdCompress)

/** Lets zstd find repetitions in the whole block, and not only in the last 2 MiB. */
const wholeBlock = {
  [constants.ZSTD_c_windowLog]: Math.log2(blockSize.zstd),
  [constants.ZSTD_c_enableLongDistanceMatching]: 1,
}

/** More bytes than an incompressible block grows by. */
const margin = 64 * 1024

/**
 * Compresses blocks on all cores, and calls `done` with a block when its content is no longer needed. The result is a
 * series of gzip members (RFC 1952, section 2.2) or zstd frames (RFC 8878, section 3), which decompressors read as one
 * stream. They are in the order of the blocks, even if a later one is ready first.
 */
export async function* compress(
  blocks: AsyncIterable<Block>,
  algorithm: 'gzip' | 'zstd',
  level: number,
  done: (block: Block) => void,
): AsyncGenerator<Uint8Array> {
  const compressBlock = async (block: Block): Promise<Uint8Array> => {
    const compressed = await (algorithm === 'gzip' ? gzipMember(block, level) : zstdFrame(block, level))
    done(block)
    return compressed
  }
  const pending: Promise<Uint8Array>[] = []
  for await (const block of blocks) {
    const compressed = compressBlock(block)
    // The promise is awaited in its turn; until then, a rejection must not count as unhandled.
    compressed.catch(() => {})
    pending.push(compressed)
    if (pending.length > availableParallelism()) yield (await pending.shift()) as Uint8Array
  }
  for (const compressed of pending) yield await compressed
}

const zstdFrame = (block: Block, level: number): Promise<Uint8Array> =>
  zstdBlock(block, {
    // The result fits into one chunk: for each further one, the thread of the pool would wait for the main thread.
    chunkSize: block.length + margin,
    params: { ...wholeBlock, [constants.ZSTD_c_compressionLevel]: level },
  })
