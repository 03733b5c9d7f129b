import { Worker } from 'node:worker_threads'
import type { NarHash } from '../nix/nar-hash.ts'
import type { StorePath } from '../nix/store-path.ts'
import type { Digest } from '../oci/descriptor.ts'
import { type Block, release } from './block.ts'
import { type NarSteps, narsOfTar } from './nars-of-tar.ts'

/** What a worker is asked: to hash a block and the parts of NARs in it, or at the end, what it all came to. */
export type HashRequest = { readonly block?: Uint8Array<SharedArrayBuffer>; readonly nars?: NarSteps | undefined }
/** Hex digits of the archive's hash, and base 64 of the NARs'; nothing as long as there are more blocks. */
export type HashReply = { readonly archive?: string; readonly nars?: readonly string[] }

/** A store path as it is in an archive. `narSize` is in bytes. */
export type PackedNar = { readonly path: StorePath; readonly narHash: NarHash; readonly narSize: number }

/** `nars` are in the order of the archive; none of an archive that is not of store paths. */
type ArchiveHashes = { readonly digest: Digest; readonly size: number; readonly nars: readonly PackedNar[] }

/** Hashes an archive in a thread of its own as it passes. The result is there once the stream has ended. */
export type ArchiveHashing = {
  readonly through: (blocks: AsyncIterable<Block>) => AsyncGenerator<Block, void, void>
  readonly result: () => ArchiveHashes
}

/** Whether an archive is one of store paths, as `tar` writes it. */
export type ArchiveContent = 'store paths' | 'other files'

/** Bytes that may wait for the thread. It is faster than what reads and compresses, but not at each moment. */
const ahead = 16 * 1024 * 1024

/** Releases each block when it has been hashed. */
export const hashArchive = (content: ArchiveContent): ArchiveHashing => {
  let result: ArchiveHashes | undefined
  return {
    through: async function* (blocks) {
      const thread = idle.pop() ?? startThread()
      const reader = content === 'store paths' ? narsOfTar() : undefined
      const pending: Promise<void>[] = []
      let waiting = 0
      let size = 0
      // A process waits for a thread that has something to do, and ends with those that have not.
      thread.worker.ref()
      try {
        for await (const block of blocks) {
          size += block.length
          waiting += block.length
          const hashed = thread.ask({ block, nars: reader?.read(block) }).then(() => {
            waiting -= block.length
            release(block)
          })
          // A rejection is met where its turn comes; until then it must not count as unhandled.
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
        // One that has been left in the middle would go on there.
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
  // The bundler copies this file as it is, and Node strips the types when it starts it, which early versions of Node 24
  // warn of.
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
