import { UserError } from '../lib/error.ts'
import { end, padding, tarHeader } from './header.ts'
import type { Content, TreeEntry } from './tree.ts'

/**
 * The entries as a tar archive, which is made as it is read: only small files are in memory as a whole. An error in an
 * entry is the error of the archive.
 */
export async function* tar(
  entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const entry of entries) {
    yield tarHeader(entry)
    if (entry.type !== 'file') continue
    const { content } = entry
    if (content instanceof Uint8Array) yield content
    else yield* whole(content, entry.name)
    yield padding(content instanceof Uint8Array ? content.length : content.size)
  }
  yield end
}

/** The content of a file. Throws a `UserError` if it has another size than the header says. */
async function* whole({ size, read }: Exclude<Content, Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const changed = (cause?: unknown): UserError =>
    new UserError(`/${name} changed while it was read; run the job again.`, { cause })
  let remaining = size
  try {
    for await (const part of read()) {
      remaining -= part.length
      if (remaining < 0) break
      yield part
    }
  } catch (cause) {
    throw cause instanceof UserError ? cause : changed(cause)
  }
  if (remaining !== 0) throw changed()
}
