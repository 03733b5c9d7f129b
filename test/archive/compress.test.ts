import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Block } from '../../src/archive/block.ts'
import { compress } from '../../src/archive/compress.ts'
import { blockSize } from '../../src/archive/compression.ts'

const blockOf = (bytes: Uint8Array): Block => {
  const block = Buffer.from(new SharedArrayBuffer(bytes.length))
  block.set(bytes)
  return block
}
async function* each(...blocks: Uint8Array[]): AsyncGenerator<Block> {
  for (const block of blocks) yield blockOf(block)
}
const packed = (algorithm: 'gzip' | 'zstd', level: number, ...blocks: Uint8Array[]): Promise<Buffer> =>
  buffer(compress(each(...blocks), algorithm, level, () => {}))

const noise = randomFillSync(new Uint8Array(2 * 1024 * 1024))

test('zstd finds what is like something else in the same block, however far away', async () => {
  const far = Buffer.concat([noise, Buffer.alloc(blockSize.zstd - 2 * noise.length), noise])
  const result = await packed('zstd', 1, far)
  expect(result.length).toBeLessThan(1.1 * noise.length)
  expect(zstdDecompressSync(result).equals(far)).toBe(true)
})

test.each(['gzip', 'zstd'] as const)('the level of %s counts', async (algorithm) => {
  const program = readFileSync(process.execPath).subarray(20_000_000, 21_000_000)
  const [low, high] = await Promise.all([1, 9].map((level) => packed(algorithm, level, program)))
  expect(high?.length).toBeLessThan(low?.length ?? 0)
})

test('what cannot be compressed hardly grows', async () => {
  for (const algorithm of ['gzip', 'zstd'] as const) {
    const result = await packed(algorithm, 6, noise.subarray(0, blockSize.gzip))
    expect(result.length).toBeLessThan(1.001 * blockSize.gzip)
  }
})

test.each(['gzip', 'zstd'] as const)(
  'the memory of each block of %s is given back, once and whole',
  async (algorithm) => {
    const returned: number[] = []
    const blocks = [1000, 2000, 3000].map((size) => noise.subarray(0, size))
    await buffer(compress(each(...blocks), algorithm, 1, (block) => returned.push(block.buffer.byteLength)))
    expect(returned.toSorted((a, b) => a - b)).toEqual([1000, 2000, 3000])
  },
)

test.each(['gzip', 'zstd'] as const)('nobody reads far ahead of who takes what %s gives', async (algorithm) => {
  let read = 0
  const endless = async function* (): AsyncGenerator<Block> {
    for (; read < 1000; read++) yield blockOf(noise.subarray(0, 1000))
  }
  const results = compress(endless(), algorithm, 1, () => {})
  for (let taken = 1; taken <= 5; taken++) {
    await results.next()
    // About as many blocks as there are cores are read ahead, not all of them.
    expect(read).toBeLessThan(taken + 200)
  }
  await results.return(undefined)
  expect(read).toBeLessThan(300)
})

test('an error of the blocks is the error of what they become', async () => {
  const failing = async function* (): AsyncGenerator<Block> {
    yield blockOf(noise.subarray(0, 1000))
    throw new Error('the disk is gone')
  }
  await expect(buffer(compress(failing(), 'zstd', 1, () => {}))).rejects.toThrow('the disk is gone')
})

test.each(['gzip', 'zstd'] as const)(
  '%s reads one block more than there are cores, and then waits',
  async (algorithm) => {
    let read = 0
    const blocks = async function* (): AsyncGenerator<Block> {
      for (; read < 50; read++) yield blockOf(noise.subarray(0, 1000))
    }
    const compressed = compress(blocks(), algorithm, 1, () => {})
    // The header of gzip needs no block.
    for (let taken = algorithm === 'gzip' ? 0 : 1; taken < 2; taken++) await compressed.next()
    expect(read).toBe(availableParallelism())
    await compressed.return(undefined)
  },
)
