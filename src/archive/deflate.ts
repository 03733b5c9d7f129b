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

const onFreeCore = limiter(availableParallelism())
const idle: Worker[] = []

/** Compresses a block to a gzip member with libdeflate, in a worker, as soon as a core is free. */
export const gzipMember = (block: Uint8Array, level: number): Promise<Uint8Array> =>
  onFreeCore(async () => {
    const worker = idle.pop() ?? (await startWorker())
    // A busy worker keeps the process alive; an idle one does not.
    worker.ref()
    worker.postMessage({ block, level } satisfies Question)
    const [member] = (await once(worker, 'message')) as [Uint8Array]
    worker.unref()
    idle.push(worker)
    return member
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
