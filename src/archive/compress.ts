import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import { blockSize, type Compression } from '../oci/compression.ts'
import { gzipMember } from './deflate.ts'

type Options = { readonly chunkSize: number; readonly params: Record<number, number> }
type Block = Buffer<ArrayBuffer>

const zstdBlock = promisify<Uint8Array, Options, Buffer>(zstdCompress)

/** zstd finds what is like something else in the same block, however far away, and not in the last 2 MiB alone. */
const wholeBlock = {
  [constants.ZSTD_c_windowLog]: Math.log2(blockSize.zstd),
  [constants.ZSTD_c_enableLongDistanceMatching]: 1,
}

/** What a block may grow by that cannot be compressed, and more. */
const margin = 64 * 1024

/**
 * Compresses blocks on every core, and gives the memory of each to `done` when its content is not needed any more. The result
 * is a series of gzip members (RFC 1952, section 2.2) or zstd frames (RFC 8878, section 3), which decompressors read as one
 * stream; in the order of the blocks, whichever is ready first. A block is the caller's no more, and has an `ArrayBuffer` of
 * its own.
 */
export async function* compress(
  blocks: AsyncIterable<Block>,
  { algorithm, level }: Compression,
  done: (block: Block) => void,
): AsyncGenerator<Uint8Array> {
  if (algorithm === 'none') {
    yield* blocks
    return
  }
  const compressBlock = async (block: Block): Promise<Uint8Array> => {
    if (algorithm === 'gzip') {
      const answer = await gzipMember(block, level)
      done(Buffer.from(answer.block.buffer))
      return answer.member
    }
    // In one chunk: for each more, the thread of the pool would wait for the main thread.
    const chunkSize = block.length + margin
    const params = { ...wholeBlock, [constants.ZSTD_c_compressionLevel]: level }
    const frame = await zstdBlock(block, { chunkSize, params })
    done(block)
    return frame
  }
  const pending: Promise<Uint8Array>[] = []
  for await (const block of blocks) {
    const compressed = compressBlock(block)
    // A rejection is met where its turn comes; until then it must not count as unhandled.
    compressed.catch(() => {})
    pending.push(compressed)
    if (pending.length > availableParallelism()) yield (await pending.shift()) as Uint8Array
  }
  for (const compressed of pending) yield await compressed
}

/** The same bytes in blocks of this size, the last one shorter; `next` gives the buffers to put them in. */
export async function* inBlocks(
  source: AsyncIterable<Uint8Array>,
  size: number,
  next: () => Block,
): AsyncGenerator<Block> {
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
