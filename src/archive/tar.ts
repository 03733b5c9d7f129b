import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import { UserError } from '../lib/error.ts'
import { tarHeader } from './header.ts'
import type { TreeEntry } from './tree.ts'

/**
 * The entries as a tar archive, which is made as it is read: only small files are in memory as a whole. An error in an
 * entry is the error of the archive.
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
    // tar-stream fails by itself if a file is too short, but its error does not name the file.
    await adding
    throw failure ?? error
  } finally {
    archive.destroy()
  }
}

/** Entries that may wait for the reader at a time. Small files wait in memory, where 64 of them have at most 16 MiB. */
const ahead = 64

const addAll = async (archive: Pack, entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>): Promise<void> => {
  const pending: Promise<void>[] = []
  for await (const entry of entries)
    if (entry.type === 'file' && !(entry.content instanceof Uint8Array)) {
      await pipeline(entry.content.read(), archive.entry(tarHeader(entry))).catch((cause) => {
        if (cause instanceof UserError) throw cause
        throw new UserError(`/${entry.name} changed while it was read; run the job again.`, { cause })
      })
    } else {
      const added = add(archive, entry)
      // The promise is awaited in its turn; until then, a rejection must not count as unhandled.
      added.catch(() => {})
      pending.push(added)
      // A fast disk must not fill the memory. Waiting for each entry alone would take longer than reading it.
      if (pending.length >= ahead) await Promise.all(pending.splice(0))
    }
  await Promise.all(pending)
}

const add = (archive: Pack, entry: TreeEntry): Promise<void> =>
  new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve())
    if (entry.type === 'file' && entry.content instanceof Uint8Array)
      archive.entry(tarHeader(entry), entry.content, done)
    else archive.entry(tarHeader(entry), done)
  })
