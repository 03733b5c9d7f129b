import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** In bytes; more than people write into any of these files. */
const most = 8_000_000

/**
 * Reads a text file that a checkout or an earlier step has prepared. Throws an `Error` with a `code` if that is not
 * possible: the code of the system, `ENOTFILE` if it is no file (a pipe or a device may never end), and `EFBIG` if it
 * has more than 8 MB.
 */
export const readTextFile = async (path: string): Promise<string> => {
  // Otherwise this would wait for somebody to write to a pipe.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if (!(await file.stat()).isFile()) throw Object.assign(new Error(`${path} is no file`), { code: 'ENOTFILE' })
  const buffer = Buffer.allocUnsafe(most + 1)
  let length = 0
  // The size that the system reports may be wrong, as in /proc.
  while (length <= most) {
    const { bytesRead } = await file.read(buffer, length)
    if (bytesRead === 0) return buffer.toString('utf8', 0, length)
    length += bytesRead
  }
  throw Object.assign(new Error(`${path} has more than ${most} bytes`), { code: 'EFBIG' })
}
