import { statfs } from 'node:fs/promises'
import { UserError } from '../lib/error.ts'
import { megabytes } from '../lib/units.ts'
import type { Compression } from './compression.ts'

/** A ratio of compressed to original size that no closure reaches, even at the highest level of zstd. */
const bestRatio = 1 / 8

/**
 * Throws a `UserError` if the disk of the folder is certainly too full for a layer of `size` bytes before compression.
 * So the run fails before it packs the layer, and not when the disk is full.
 */
export const checkSpace = async (folder: string, size: number, { algorithm }: Compression): Promise<void> => {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= size * (algorithm === 'none' ? 1 : bestRatio)) return
  throw new UserError(
    `There are ${megabytes(free)} free in ${folder}, and up to ${megabytes(size)} are needed there to pack a layer; free some on the disk of the runner.`,
  )
}
