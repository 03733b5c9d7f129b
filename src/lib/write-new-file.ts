import { constants, copyFile, unlink, writeFile } from 'node:fs/promises'

/**
 * Writes a file that is new: what stands at its name goes, and is neither followed, where it is a link, nor written
 * into. So nothing else changes, whoever has prepared the folder. Throws the system's `Error`, also where a folder has
 * the name.
 */
export const writeNewFile = async (file: string, content: string | Uint8Array): Promise<void> => {
  await remove(file)
  await writeFile(file, content, { flag: 'wx' })
}

/** The same with the content of another file. */
export const copyToNewFile = async (from: string, file: string): Promise<void> => {
  await remove(file)
  await copyFile(from, file, constants.COPYFILE_EXCL)
}

const remove = (file: string): Promise<void> =>
  unlink(file).catch((error) => {
    if (error.code !== 'ENOENT') throw error
  })
