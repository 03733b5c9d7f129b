import type { Stats } from 'node:fs'
import { lstat } from 'node:fs/promises'

/** What is at a path, where a link is itself; `undefined` if there is nothing. Throws the system's `Error` else. */
export const lstatIfThere = (path: string): Promise<Stats | undefined> =>
  lstat(path).catch((error) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
