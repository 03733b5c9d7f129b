/**
 * A part of an archive. All threads share its memory, so that hashing and compressing it at the same time need no copy.
 */
export type Block = Buffer<SharedArrayBuffer>

/**
 * Memory of released blocks, by size in bytes. Allocating new memory for each block would take longer than filling it.
 */
const unused = new Map<number, SharedArrayBuffer[]>()

/** The number of users that have not released a block's memory yet. */
const users = new WeakMap<SharedArrayBuffer, number>()

const take = (size: number, count: number): Block => {
  const memory = unused.get(size)?.pop() ?? new SharedArrayBuffer(size)
  users.set(memory, count)
  return Buffer.from(memory)
}

/** Ends one user's use of a block. After the last user's call, the memory is free for another block. */
export const release = ({ buffer }: Block): void => {
  const left = (users.get(buffer) ?? 0) - 1
  users.set(buffer, left)
  if (left > 0) return
  const others = unused.get(buffer.byteLength) ?? []
  others.push(buffer)
  unused.set(buffer.byteLength, others)
}

/**
 * Cuts the source into blocks of `size` bytes; the last one may be shorter. Each of the `users` releases each block
 * once.
 */
export async function* inBlocks(
  source: AsyncIterable<Uint8Array>,
  size: number,
  users: number,
): AsyncGenerator<Block, void, void> {
  let block: Block | undefined
  let filled = 0
  for await (const chunk of source)
    for (let taken = 0; taken < chunk.length; ) {
      block ??= take(size, users)
      const part = chunk.subarray(taken, taken + size - filled)
      block.set(part, filled)
      taken += part.length
      filled += part.length
      if (filled < size) continue
      yield block
      block = undefined
      filled = 0
    }
  if (block) yield block.subarray(0, filled)
}
