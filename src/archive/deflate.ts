import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { limiter } from '../lib/concurrent.ts'
import { blockSize } from './compression.ts'
import { libdeflate } from './libdeflate.ts'

/** The data that a worker starts with: libdeflate as a `WebAssembly.Module`, and the bytes of the largest block. */
export type Start = { readonly libdeflate: object; readonly largest: number }
/** A request to a worker: compress a block of at most `blockSize.gzip` bytes. */
export type Question = { readonly block: Uint8Array; readonly level: number }

/** A part of a deflate stream, the number of bytes that it is made of, and their CRC-32. */
export type Part = { readonly bytes: Uint8Array; readonly size: number; readonly crc: number }

const onFreeCore = limiter(availableParallelism())
const idle: Worker[] = []

/**
 * Compresses a block with libdeflate, in a worker, as soon as a core is free. The result ends at a byte, and is not the
 * end of a stream: others can come behind it.
 */
export const deflatePart = (block: Uint8Array, level: number): Promise<Part> =>
  onFreeCore(async () => {
    const worker = idle.pop() ?? (await startWorker())
    // A busy worker keeps the process alive; an idle one does not.
    worker.ref()
    worker.postMessage({ block, level } satisfies Question)
    const [part] = (await once(worker, 'message')) as [Part]
    worker.unref()
    idle.push(worker)
    return part
  })

// The bundler copies the worker's file unchanged, and Node strips its types when it starts. Early versions of Node 24
// warn about that.
const startWorker = async (): Promise<Worker> => {
  const program = await libdeflate()
  return new Worker(new URL('./deflate-worker.ts', import.meta.url), {
    env: {},
    execArgv: ['--disable-warning=ExperimentalWarning'],
    workerData: { libdeflate: program, largest: blockSize.gzip } satisfies Start,
  })
}
