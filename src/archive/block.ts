/**
 * A part of an archive, in memory that all threads share: it is hashed and compressed at the same time, and copied for
 * neither.
 */
export type Block = Buffer<SharedArrayBuffer>

/** Those that nobody uses, by their size. To get new memory for each block would take longer than to fill it. */
const unused = new Map<number, SharedArrayBuffer[]>()

/** How many still use the memory of a block. */
const users = new WeakMap<SharedArrayBuffer, number>()

const take = (size: number, count: number): Block => {
  const memory = unused.get(size)?.pop() ?? new SharedArrayBuffer(size)
  users.set(memory, count)
  return Buffer.from(memory)
}

/** Says that one of its users does not need a block any more. Its memory is that of another block when no one does. */
export const release = ({ buffer }: Block): void => {
  const left = (users.get(buffer) ?? 0) - 1
  users.set(buffer, left)
  if (left > 0) return
  const others = unused.get(buffer.byteLength) ?? []
  others.push(buffer)
  unused.set(buffer.byteLength, others)
}

/** The same bytes in blocks of this size, the last one shorter, each of which so many users release. */
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
