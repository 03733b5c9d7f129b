import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheLimits } from './cache-limits.ts'

/**
 * Throws an `Error` unless there is a folder with nothing but folders and files in it, each file under one name only,
 * and no more of them than this action saves. Sizes are as files say, so that holes count.
 */
export const assertPlain = async (folder: string): Promise<void> => {
  if (!(await lstat(folder)).isDirectory()) throw new Error('it has no folder of the name that was asked for')
  let entries = 0
  let bytes = 0
  for await (const entry of await opendir(folder, { recursive: true })) {
    if (++entries > cacheLimits.files) throw new Error(`it has more than ${cacheLimits.files} files`)
    if (entry.isDirectory()) continue
    const { nlink, size } = await lstat(join(entry.parentPath, entry.name))
    if (!entry.isFile() || nlink > 1) throw new Error(`${JSON.stringify(entry.name)} is no plain file`)
    bytes += size
    if (bytes > cacheLimits.bytes) throw new Error(`its files have more than ${cacheLimits.bytes} bytes`)
  }
}
