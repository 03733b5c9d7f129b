import { lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isNoSpace, UserError } from '../lib/error.ts'
import { lstatIfThere } from '../lib/lstat-if-there.ts'
import { megabytes } from '../lib/units.ts'
import { copyToNewFile, writeNewFile } from '../lib/write-new-file.ts'
import { blobPath, type LayoutContent, layoutFile, layoutFiles } from '../oci/layout.ts'
import type { LayerFile } from '../registry/push.ts'
import { prepareOutput } from './prepare-output.ts'

/**
 * Creates the folder of an image layout, before there is work that would be lost. Throws a `UserError` if it cannot be
 * written to, if it contains anything but an image layout, which would be mixed with the new one, or if a link in the
 * workspace leads to it.
 */
export const prepareLayout = (folder: string, workspace: string): Promise<void> =>
  prepareOutput(folder, workspace, 'folder', async () => {
    await checkEntries(folder, { folders: /^blobs$/, files: /^(index\.json|manifest\.json|oci-layout)$/ }, folder)
    await checkEntries(join(folder, 'blobs'), { folders: /^sha256$/ }, folder)
    await checkEntries(join(folder, 'blobs', 'sha256'), { files: /^[0-9a-f]{64}$/ }, folder)
    await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true })
    await writeNewFile(join(folder, 'oci-layout'), layoutFile)
  })

/** The names that subfolders and files of a folder in a layout may have. */
type Names = { readonly folders?: RegExp; readonly files?: RegExp }

const checkEntries = async (path: string, { folders, files }: Names, folder: string): Promise<void> => {
  if (!(await lstatIfThere(path))) return
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (!folders?.test(entry.name) && !files?.test(entry.name))
      throw new UserError(
        `\`output\` is ${folder}, which has other files in it; name an empty folder, or one that does not exist.`,
      )
    const file = join(path, entry.name)
    // A file with a second name elsewhere would be changed there too.
    const isPlain = files?.test(entry.name) ? entry.isFile() && (await lstat(file)).nlink === 1 : entry.isDirectory()
    if (!isPlain)
      throw new UserError(
        `\`output\` is ${folder}, where ${file} is a link or something else that this action has not written; name an empty folder, or one that does not exist.`,
      )
  }
}

/** Copies the file of a layer into an image layout. Throws a `UserError` if the disk is full. */
export const addLayerToLayout = async (folder: string, { descriptor, file }: LayerFile): Promise<void> => {
  const { digest, size } = descriptor
  await copyToNewFile(file, join(folder, blobPath(digest))).catch((cause) => explainFullDisk(cause, folder, size))
}

const explainFullDisk = (cause: unknown, folder: string, size: number): never => {
  if (!isNoSpace(cause)) throw cause
  throw new UserError(
    `There is no space left for \`output\` in ${folder}, where ${megabytes(size)} more are needed for this part of the image alone; free some on that disk, or name a folder on another one.`,
    { cause },
  )
}

/** Completes an OCI image layout that has the layers already with what else is in it. */
export const writeLayout = async (folder: string, content: LayoutContent): Promise<void> => {
  for (const [name, bytes] of layoutFiles(content))
    await writeNewFile(join(folder, name), bytes).catch((cause) => explainFullDisk(cause, folder, bytes.length))
}
