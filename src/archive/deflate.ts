import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { limiter } from '../concurrent.ts'
import { blockSize } from '../oci/compression.ts'

/** What a worker is asked: to compress a block of at most `blockSize.gzip`. The block goes to it, and comes back. */
export type Question = { readonly block: Uint8Array<ArrayBuffer>; readonly level: number }
export type Answer = { readonly block: Uint8Array<ArrayBuffer>; readonly member: Uint8Array<ArrayBuffer> }

const onFreeCore = limiter(availableParallelism())
const idle: Worker[] = []

/**
 * Makes a gzip member of a block with libdeflate, on a core that has nothing to do. The buffer of the block is away
 * meanwhile; what holds the same memory comes back in the answer.
 */
export const gzipMember = (block: Uint8Array<ArrayBuffer>, level: number): Promise<Answer> =>
  onFreeCore(async () => {
    const worker = idle.pop() ?? startWorker()
    // A process waits for a worker that has something to do, and ends with those that have not.
    worker.ref()
    worker.postMessage({ block, level } satisfies Question, [block.buffer])
    const [answer] = (await once(worker, 'message')) as [Answer]
    worker.unref()
    idle.push(worker)
    return answer
  })

// The bundler copies this file as it is, and Node strips the types when it starts it, which early versions of Node 24 warn of.
const startWorker = (): Worker =>
  new Worker(new URL('../deflate-worker.ts', import.meta.url), {
    env: {},
    execArgv: ['--disable-warning=ExperimentalWarning'],
    workerData: blockSize.gzip,
  })
