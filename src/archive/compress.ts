import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import type { Block } from './block.ts'
import { blockSize } from './compression.ts'
import { deflatePart } from './deflate.ts'
import { gzip } from './gzip.ts'

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
 * Compresses blocks on all cores, and calls `done` with a block when its content is no longer needed. The result is one
 * gzip member (RFC 1952, section 2.2), or a series of zstd frames (RFC 8878, section 3), which decompressors read as
 * one stream.
 */
export const compress = (
  blocks: AsyncIterable<Block>,
  algorithm: 'gzip' | 'zstd',
  level: number,
  done: (block: Block) => void,
): AsyncGenerator<Uint8Array> =>
  algorithm === 'gzip'
    ? gzip(onAllCores(blocks, (block) => deflatePart(block, level), done))
    : onAllCores(blocks, (block) => zstdFrame(block, level), done)

/** The results are in the order of the blocks, even if a later one is ready first. */
async function* onAllCores<T>(
  blocks: AsyncIterable<Block>,
  work: (block: Block) => Promise<T>,
  done: (block: Block) => void,
): AsyncGenerator<T> {
  const workOn = async (block: Block): Promise<T> => {
    const result = await work(block)
    done(block)
    return result
  }
  const pending: Promise<T>[] = []
  for await (const block of blocks) {
    const result = workOn(block)
    // The promise is awaited in its turn; until then, a rejection must not count as unhandled.
    result.catch(() => {})
    pending.push(result)
    if (pending.length > availableParallelism()) yield (await pending.shift()) as T
  }
  for (const result of pending) yield await result
}

const zstdFrame = (block: Block, level: number): Promise<Uint8Array> =>
  zstdBlock(block, {
    // The result fits into one chunk: for each further one, the thread of the pool would wait for the main thread.
    chunkSize: block.length + margin,
    params: { ...wholeBlock, [constants.ZSTD_c_compressionLevel]: level },
  })
