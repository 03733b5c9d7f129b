import { open } from 'node:fs/promises'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { layerMediaType } from '../oci/media-type.ts'
import { inBlocks, release } from './block.ts'
import { compress } from './compress.ts'
import { blockSize, type Compression } from './compression.ts'
import { digesting } from './digest.ts'
import { type ArchiveContent, hashArchive, type PackedNar } from './hash-archive.ts'

/** A complete layer in a file. `diffID` is the digest of the archive before compression. */
export type LayerBlob = { readonly file: string; readonly descriptor: Descriptor; readonly diffID: Digest }

/**
 * Writes a tar archive to `file`, compressed. Computes the digests, and the hashes of store paths as NARs, from the
 * bytes as they pass, so that nothing is read twice. `nars` is empty if the archive is not of store paths.
 */
export const writeLayer = async (
  archive: AsyncIterable<Uint8Array>,
  file: string,
  { algorithm, level }: Compression,
  content: ArchiveContent = 'other files',
): Promise<LayerBlob & { readonly nars: readonly PackedNar[] }> => {
  const hashing = hashArchive(content)
  const blocks = hashing.through(inBlocks(archive, blockSize[algorithm], 2))
  const compressed = digesting()
  if (algorithm === 'none') await write(file, blocks, release)
  else await write(file, compressed.through(compress(blocks, algorithm, level, release)), () => {})
  const { digest: diffID, size, nars } = hashing.result()
  // Without compression, the blob is the archive itself, so its digest is the same.
  const blob = algorithm === 'none' ? { digest: diffID, size } : compressed.result()
  return { file, diffID, nars, descriptor: { mediaType: layerMediaType(algorithm), ...blob } }
}

/** Writes bytes while the source makes the next ones, and calls `written` when they are in the file. */
const write = async <T extends Uint8Array>(
  file: string,
  source: AsyncIterable<T>,
  written: (bytes: T) => void,
): Promise<void> => {
  await using handle = await open(file, 'w')
  let writing: Promise<void> | undefined
  for await (const bytes of source) {
    await writing
    writing = handle.writeFile(bytes).then(() => written(bytes))
    // The promise is awaited in its turn; until then, a rejection must not count as unhandled.
    writing.catch(() => {})
  }
  await writing
}
