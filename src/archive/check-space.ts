import { statfs } from 'node:fs/promises'
import { UserError } from '../lib/error.ts'
import { megabytes } from '../lib/units.ts'
import type { Compression } from './compression.ts'

/** What no closure is compressed to: a part of its size that is well below what the highest level of zstd reaches. */
const bestRatio = 1 / 8

/**
 * Throws a `UserError` where a layer of `size` bytes, before compression, cannot possibly lie in the folder, so that
 * nobody waits for a disk that will be full.
 */
export const checkSpace = async (folder: string, size: number, { algorithm }: Compression): Promise<void> => {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= size * (algorithm === 'none' ? 1 : bestRatio)) return
  throw new UserError(
    `There are ${megabytes(free)} free in ${folder}, and up to ${megabytes(size)} are needed there to pack a layer; free some on the disk of the runner.`,
  )
}
