import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { HashReply, HashRequest } from './hash-archive.ts'

/**
 * The program of a thread that hashes archives and the NARs in them, while other threads compress. It is a separate
 * file in `dist/` too, and imports nothing but Node.
 */

let archive = createHash('sha256')
let nar = createHash('sha256')
let nars: string[] = []

parentPort?.on('message', ({ block, nars: steps }: HashRequest) => {
  if (!block) {
    parentPort?.postMessage({ archive: archive.digest('hex'), nars } satisfies HashReply)
    archive = createHash('sha256')
    nar = createHash('sha256')
    nars = []
    return
  }
  archive.update(block)
  if (steps) {
    const { text, cuts } = steps
    let read = 0
    for (let index = 0; index < cuts.length; index += 3) {
      const [length = 0, from = 0, to = 0] = cuts.slice(index, index + 3)
      nar.update(text.subarray(read, read + length))
      read += length
      if (to > 0) {
        nar.update(block.subarray(from, to))
      } else {
        nars.push(nar.digest('base64'))
        nar = createHash('sha256')
      }
    }
  }
  parentPort?.postMessage({} satisfies HashReply)
})
