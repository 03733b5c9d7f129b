import { parentPort, workerData } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import type { Question, Start } from './deflate.ts'

/**
 * The program of a thread that makes gzip members (RFC 1952, section 2.3) with libdeflate. It is a separate file in
 * `dist/` too, and imports nothing but Node.
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
  readonly libdeflate_deflate_compress: (
    compressor: number,
    from: number,
    length: number,
    to: number,
    most: number,
  ) => number
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

/** No name, no time, no flags and an unknown operating system: the ten bytes are the same everywhere. */
const header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
const trailerLength = 8

parentPort?.on('message', ({ block, level }: Question) => {
  const compressor = compressorOf(level)
  new Uint8Array(deflate.memory.buffer, from, largest).set(block)
  const length = deflate.libdeflate_deflate_compress(compressor, from, block.length, to, largestResult)
  if (compressor === 0 || length === 0) throw new Error(`libdeflate cannot compress ${block.length} bytes`)
  const member = new Uint8Array(header.length + length + trailerLength)
  member.set(header)
  member.set(new Uint8Array(deflate.memory.buffer, to, length), header.length)
  const trailer = new DataView(member.buffer, header.length + length)
  trailer.setUint32(0, crc32(block), true)
  trailer.setUint32(4, block.length, true)
  parentPort?.postMessage(member, [member.buffer])
})
