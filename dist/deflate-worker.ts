import { parentPort, workerData } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import type { Part, Question, Start } from './deflate.ts'

/**
 * The program of a thread that compresses parts of a stream with libdeflate. It is a separate file in `dist/` too, and
 * imports nothing but Node.
 */

// TypeScript declares it only among the types of browsers.
declare namespace WebAssembly {
  class Instance {
    constructor(module: object)
    readonly exports: unknown
  }
}

type Libdeflate = {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly allocate: (bytes: number) => number
  readonly compressor: (level: number) => number
  readonly compress_part: (compressor: number, from: number, length: number, to: number, most: number) => number
}

const { libdeflate, largest } = workerData as Start
// The module has no imports, so it can only compute in its own memory.
const deflate = new WebAssembly.Instance(libdeflate).exports as Libdeflate

const largestResult = largest + 64 * 1024
const from = deflate.allocate(largest)
const to = deflate.allocate(largestResult)
const compressors = new Map<number, number>()
const compressorOf = (level: number): number => {
  const compressor = compressors.get(level) ?? deflate.compressor(level)
  compressors.set(level, compressor)
  return compressor
}

parentPort?.on('message', ({ block, level }: Question) => {
  const compressor = compressorOf(level)
  new Uint8Array(deflate.memory.buffer, from, largest).set(block)
  const length = deflate.compress_part(compressor, from, block.length, to, largestResult)
  if (compressor === 0 || length === 0) throw new Error(`libdeflate cannot compress ${block.length} bytes`)
  const bytes = new Uint8Array(deflate.memory.buffer, to, length).slice()
  parentPort?.postMessage({ bytes, size: block.length, crc: crc32(block) } satisfies Part, [bytes.buffer])
})
