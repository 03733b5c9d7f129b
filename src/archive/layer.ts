import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { blockSize, type Compression } from '../oci/compression.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { layerMediaType } from '../oci/media-type.ts'
import { compress, inBlocks } from './compress.ts'
import { digesting } from './digest.ts'

/** A layer that lies ready in a file. `diffID` is the digest of the archive before compression. */
export type LayerBlob = { readonly file: string; readonly descriptor: Descriptor; readonly diffID: Digest }

/** Writes a tar archive to `file`, compressed. Both digests are of the bytes as they pass; nothing is read twice. */
export const writeLayer = async (
  archive: AsyncIterable<Uint8Array>,
  file: string,
  compression: Compression,
): Promise<LayerBlob> => {
  const { algorithm } = compression
  const size = blockSize[algorithm]
  // To get new memory for each block would take longer than to fill it.
  const unused: Buffer<ArrayBuffer>[] = []
  const blocks = inBlocks(archive, size, () => unused.pop() ?? Buffer.allocUnsafeSlow(size))
  const uncompressed = digesting()
  // What is not compressed has one digest.
  const compressed = algorithm === 'none' ? uncompressed : digesting()
  const packed = compress(uncompressed.through(blocks), compression, (block) => unused.push(block))
  const bytes = algorithm === 'none' ? packed : compressed.through(packed)
  await pipeline(bytes, createWriteStream(file))
  return {
    file,
    diffID: uncompressed.result().digest,
    descriptor: { mediaType: layerMediaType(algorithm), ...compressed.result() },
  }
}
