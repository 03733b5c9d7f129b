import { constants, copyFile, unlink, writeFile } from 'node:fs/promises'

/**
 * Writes a new file. It removes anything that has the name already: it follows no link and does not write into an
 * existing file. So nothing else changes, even if an attacker has prepared the folder. Throws the system's `Error`,
 * also if a folder has the name.
 */
export const writeNewFile = async (file: string, content: string | Uint8Array): Promise<void> => {
  await remove(file)
  await writeFile(file, content, { flag: 'wx' })
}

/** Does the same with the content of another file. */
export const copyToNewFile = async (from: string, file: string): Promise<void> => {
  await remove(file)
  await copyFile(from, file, constants.COPYFILE_EXCL)
}

const remove = (file: string): Promise<void> =>
  unlink(file).catch((error) => {
    if (error.code !== 'ENOENT') throw error
  })
