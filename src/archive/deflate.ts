import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { limiter } from '../lib/concurrent.ts'
import { blockSize } from './compression.ts'
import { libdeflate } from './libdeflate.ts'

/** What a worker starts with: libdeflate, a `WebAssembly.Module`, and the most bytes that a block has. */
export type Start = { readonly libdeflate: object; readonly largest: number }
/** What a worker is asked: to compress a block of at most `blockSize.gzip`. */
export type Question = { readonly block: Uint8Array; readonly level: number }

const onFreeCore = limiter(availableParallelism())
const idle: Worker[] = []

/** Makes a gzip member of a block with libdeflate, on a core that has nothing to do. */
export const gzipMember = (block: Uint8Array, level: number): Promise<Uint8Array> =>
  onFreeCore(async () => {
    const worker = idle.pop() ?? (await startWorker())
    // A process waits for a worker that has something to do, and ends with those that have not.
    worker.ref()
    worker.postMessage({ block, level } satisfies Question)
    const [member] = (await once(worker, 'message')) as [Uint8Array]
    worker.unref()
    idle.push(worker)
    return member
  })

// The bundler copies this file as it is, and Node strips the types when it starts it, which early versions of Node 24
// warn of.
const startWorker = async (): Promise<Worker> => {
  const program = await libdeflate()
  return new Worker(new URL('./deflate-worker.ts', import.meta.url), {
    env: {},
    execArgv: ['--disable-warning=ExperimentalWarning'],
    workerData: { libdeflate: program, largest: blockSize.gzip } satisfies Start,
  })
}
