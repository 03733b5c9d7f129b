import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'

/** More than an image's store paths are, with a narinfo and a NAR each, and more bytes than the store cache saves. */
const most = { entries: 50_000, bytes: 2_000_000_000 }

/**
 * Throws an `Error` unless there is a folder with nothing but folders and files in it, each file under one name only, and no more
 * of them than this action saves. Sizes are as files say, so that holes count.
 */
export const assertPlain = async (folder: string): Promise<void> => {
  if (!(await lstat(folder)).isDirectory()) throw new Error('it has no folder of the name that was asked for')
  let entries = 0
  let bytes = 0
  for await (const entry of await opendir(folder, { recursive: true })) {
    if (++entries > most.entries) throw new Error(`it has more than ${most.entries} files`)
    if (entry.isDirectory()) continue
    const { nlink, size } = await lstat(join(entry.parentPath, entry.name))
    if (!entry.isFile() || nlink > 1) throw new Error(`${JSON.stringify(entry.name)} is no plain file`)
    bytes += size
    if (bytes > most.bytes) throw new Error(`its files have more than ${most.bytes} bytes`)
  }
}
