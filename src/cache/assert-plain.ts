import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Throws an `Error` unless there is a folder with nothing but folders and files in it, each file under one name only. */
export const assertPlain = async (folder: string): Promise<void> => {
  if (!(await lstat(folder)).isDirectory()) throw new Error('it has no folder of the name that was asked for')
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue
    const { nlink } = await lstat(join(entry.parentPath, entry.name))
    if (!entry.isFile() || nlink > 1) throw new Error(`${JSON.stringify(entry.name)} is no plain file`)
  }
}
