import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import { tarHeader } from './header.ts'
import type { TreeEntry } from './tree.ts'

/**
 * The entries as a tar archive, made as it is read: no more than a file's chunk is in memory. An error in an entry is the
 * error of the archive.
 */
export async function* tar(
  entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>,
): AsyncGenerator<Uint8Array, void, void> {
  const archive = pack()
  let failure: unknown
  const adding = addAll(archive, entries).then(
    () => archive.finalize(),
    (error) => {
      failure = error
      archive.destroy(error)
    },
  )
  try {
    yield* archive as AsyncIterable<Uint8Array>
  } catch (error) {
    // tar-stream fails by itself when a file is too short, and does not know which one it was.
    await adding
    throw failure ?? error
  } finally {
    archive.destroy()
  }
}

const addAll = async (archive: Pack, entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>): Promise<void> => {
  for await (const entry of entries)
    if (entry.type === 'file' && !(entry.content instanceof Uint8Array)) {
      await pipeline(entry.content.read(), archive.entry(tarHeader(entry))).catch((cause) => {
        throw new Error(`/${entry.name} changed while it was read`, { cause })
      })
    } else {
      // For a file, the callback comes when the reader has taken it, so that a fast disk does not fill the memory.
      await new Promise<void>((resolve, reject) => {
        const done = (error?: Error | null): void => (error ? reject(error) : resolve())
        if (entry.type === 'file' && entry.content instanceof Uint8Array)
          archive.entry(tarHeader(entry), entry.content, done)
        else archive.entry(tarHeader(entry), done)
      })
    }
}
