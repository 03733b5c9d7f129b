import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** More than any file that people write for this has, in bytes. */
const most = 8_000_000

/**
 * The text of a file that a checkout or an earlier step has prepared. Throws an `Error` with a `code` if it cannot be
 * read: the system's, `ENOTFILE` for what is no file, as a pipe or a device that never ends, and `EFBIG` beyond 8 MB.
 */
export const readTextFile = async (path: string): Promise<string> => {
  // A pipe that nobody writes to would be waited for.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if (!(await file.stat()).isFile()) throw Object.assign(new Error(`${path} is no file`), { code: 'ENOTFILE' })
  const buffer = Buffer.allocUnsafe(most + 1)
  let length = 0
  // A size that the system gives may not be true, as in /proc.
  while (length <= most) {
    const { bytesRead } = await file.read(buffer, length)
    if (bytesRead === 0) return buffer.toString('utf8', 0, length)
    length += bytesRead
  }
  throw Object.assign(new Error(`${path} has more than ${most} bytes`), { code: 'EFBIG' })
}
