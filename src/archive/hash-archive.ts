import { Worker } from 'node:worker_threads'
import type { NarHash } from '../nix/nar-hash.ts'
import type { StorePath } from '../nix/store-path.ts'
import type { Digest } from '../oci/descriptor.ts'
import { type Block, release } from './block.ts'
import { type NarSteps, narsOfTar } from './nars-of-tar.ts'

/** A request to a worker: hash a block and the parts of NARs in it. A request without a block asks for the hashes. */
export type HashRequest = { readonly block?: Uint8Array<SharedArrayBuffer>; readonly nars?: NarSteps | undefined }
/** The hash of the archive in hex, and the hashes of the NARs in base64. The reply to a block has neither. */
export type HashReply = { readonly archive?: string; readonly nars?: readonly string[] }

/** A store path in an archive. `narSize` is in bytes. */
export type PackedNar = { readonly path: StorePath; readonly narHash: NarHash; readonly narSize: number }

/** `nars` are in the order of the archive, and empty if the archive is not of store paths. */
type ArchiveHashes = { readonly digest: Digest; readonly size: number; readonly nars: readonly PackedNar[] }

/** Hashes an archive in a separate thread as it passes. `result` throws an `Error` before the stream has ended. */
export type ArchiveHashing = {
  readonly through: (blocks: AsyncIterable<Block>) => AsyncGenerator<Block, void, void>
  readonly result: () => ArchiveHashes
}

/** Whether an archive holds store paths, as `storePathsTree` lists them, or other files. */
export type ArchiveContent = 'store paths' | 'other files'

/** Bytes that may wait for the thread. It is faster than reading and compressing, but not at every moment. */
const ahead = 16 * 1024 * 1024

/** Makes an `ArchiveHashing`, which releases each block when it has been hashed. */
export const hashArchive = (content: ArchiveContent): ArchiveHashing => {
  let result: ArchiveHashes | undefined
  return {
    through: async function* (blocks) {
      const thread = idle.pop() ?? startThread()
      const reader = content === 'store paths' ? narsOfTar() : undefined
      const pending: Promise<void>[] = []
      let waiting = 0
      let size = 0
      // A busy thread keeps the process alive; an idle one does not.
      thread.worker.ref()
      try {
        for await (const block of blocks) {
          size += block.length
          waiting += block.length
          const hashed = thread.ask({ block, nars: reader?.read(block) }).then(() => {
            waiting -= block.length
            release(block)
          })
          // The promise is awaited in its turn; until then, a rejection must not count as unhandled.
          hashed.catch(() => {})
          pending.push(hashed)
          while (waiting > ahead) await pending.shift()
          yield block
        }
        const { archive, nars = [] } = await thread.ask({})
        await Promise.all(pending)
        result = {
          digest: `sha256:${archive}`,
          size,
          nars: (reader?.sizes() ?? []).map(({ path, narSize }, index) => ({
            path,
            narSize,
            narHash: `sha256-${nars[index]}`,
          })),
        }
        thread.worker.unref()
        idle.push(thread)
      } finally {
        // A thread that was left in the middle of an archive would add the next archive to the same hash.
        if (!result) await thread.worker.terminate()
      }
    },
    result: () => {
      if (!result) throw new Error('the archive has not been read to its end')
      return result
    },
  }
}

type Thread = { readonly worker: Worker; readonly ask: (question: HashRequest) => Promise<HashReply> }

const idle: Thread[] = []

const startThread = (): Thread => {
  // The bundler copies the worker's file unchanged, and Node strips its types when it starts. Early versions of Node 24
  // warn about that.
  const worker = new Worker(new URL('./hash-worker.ts', import.meta.url), {
    env: {},
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const waiting: PromiseWithResolvers<HashReply>[] = []
  worker.on('message', (answer: HashReply) => waiting.shift()?.resolve(answer))
  worker.on('error', (error) => {
    for (const { reject } of waiting.splice(0)) reject(error)
  })
  return {
    worker,
    ask: (question) => {
      const answer = Promise.withResolvers<HashReply>()
      waiting.push(answer)
      worker.postMessage(question)
      return answer.promise
    },
  }
}
