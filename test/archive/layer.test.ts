import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inBlocks } from '../../src/archive/block.ts'
import { blockSize, type Compression } from '../../src/archive/compression.ts'
import { writeLayer } from '../../src/archive/layer.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Two and a half blocks of the largest size, whose bytes do not repeat. */
const content = Buffer.alloc(2.5 * blockSize.zstd)
for (let index = 0; index < content.length; index += 4) content.writeUInt32LE((index * 2654435761) >>> 8, index)

async function* inChunks(size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += size) yield content.subarray(start, start + size)
}

const decompressors: [Compression, string[]][] = [
  [{ algorithm: 'gzip', level: 6 }, ['gzip', '--decompress', '--stdout']],
  [{ algorithm: 'zstd', level: 3 }, ['zstd', '--decompress', '--stdout']],
  [{ algorithm: 'none', level: 0 }, ['cat']],
]

test.each(decompressors)(
  '%j is read by the usual program, and has the digests of its bytes',
  async (compression, [program = '', ...args]) => {
    const layer = await writeLayer(inChunks(1000), join(folder, compression.algorithm), compression)
    const bytes = await readFile(layer.file)
    expect(layer.descriptor).toMatchObject({ digest: sha256(bytes), size: bytes.length })
    expect(layer.diffID).toBe(sha256(content))
    expect(sha256(execFileSync(program, args, { input: bytes, maxBuffer: 2 * content.length }))).toBe(layer.diffID)
  },
)

test.each(decompressors)('%j gives the same bytes however the archive arrives', async (compression) => {
  const layers = await Promise.all(
    [77, 4096, blockSize.gzip, content.length].map((size) =>
      writeLayer(inChunks(size), join(folder, `${size}`), compression),
    ),
  )
  expect(new Set(layers.map(({ descriptor }) => descriptor.digest)).size).toBe(1)
})

test('an error of the archive is the error of the layer', async () => {
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(10)
    throw new Error('the disk is gone')
  }
  await expect(writeLayer(failing(), join(folder, 'failing'), { algorithm: 'gzip', level: 6 })).rejects.toThrow(
    'the disk is gone',
  )
})

test('blocks are all of one size but the last', async () => {
  const size = content.length / 2.5
  const sizes: number[] = []
  for await (const block of inBlocks(inChunks(12345), size, 1)) sizes.push(block.length)
  expect(sizes).toEqual([size, size, size / 2])
})
