import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheLimits } from './cache-limits.ts'

/**
 * Throws an `Error` unless `folder` is a folder that contains only folders and files, no hard links, and no more than
 * this action saves. Sizes are apparent sizes, so holes in sparse files count.
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
