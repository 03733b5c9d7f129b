import type { Stats } from 'node:fs'
import { lstat, mkdir, readdir, realpath } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { isNoSpace, UserError } from '../lib/error.ts'
import { megabytes } from '../lib/units.ts'
import { copyToNewFile, writeNewFile } from '../lib/write-new-file.ts'
import type { Descriptor, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import { layoutFile, layoutIndex } from '../oci/layout.ts'
import type { LayerFile } from '../registry/push.ts'

/**
 * Creates the folder of an image layout, before there is work that would be lost. Throws a `UserError` if it cannot be
 * written to, if it contains anything but an image layout, which would be mixed with the new one, or if a link in the
 * workspace leads to it: the content of a checkout must not decide where this run writes.
 */
export const prepareLayout = async (folder: string, workspace: string): Promise<void> => {
  try {
    await refuseLinks(folder, await realpath(workspace).catch(() => workspace))
    await checkEntries(folder, { folders: /^blobs$/, files: /^(index\.json|oci-layout)$/ }, folder)
    await checkEntries(join(folder, 'blobs'), { folders: /^sha256$/ }, folder)
    await checkEntries(blobs(folder), { files: /^[0-9a-f]{64}$/ }, folder)
    await mkdir(blobs(folder), { recursive: true })
    await writeNewFile(join(folder, 'oci-layout'), layoutFile)
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    const reason = cause instanceof Error && 'code' in cause ? cause.code : cause
    throw new UserError(`\`output\` is ${folder}, which cannot be written to (${reason}); name another folder.`, {
      cause,
    })
  }
}

const lstatIfThere = (path: string): Promise<Stats | undefined> =>
  lstat(path).catch((error) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })

/** No part of the path may be a link that lies in the workspace, and the last part may not be a link at all. */
const refuseLinks = async (folder: string, workspace: string): Promise<void> => {
  const names = resolve(folder).split(sep).slice(1)
  for (const index of names.keys()) {
    const path = sep + names.slice(0, index + 1).join(sep)
    const stats = await lstatIfThere(path)
    if (!stats) return
    if (!stats.isSymbolicLink()) continue
    const place = `${await realpath(dirname(path))}${sep}`
    if (index === names.length - 1 || place.startsWith(`${workspace}${sep}`))
      throw new UserError(
        `\`output\` is ${folder}, where ${path} is a link, which may lead anywhere; name a folder that is reached without one.`,
      )
  }
}

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

const blobs = (folder: string): string => join(folder, 'blobs', 'sha256')
const blob = (folder: string, { digest }: Descriptor): string => join(blobs(folder), digest.slice('sha256:'.length))

/** Copies the file of a layer into an image layout. Throws a `UserError` if the disk is full. */
export const addLayerToLayout = async (folder: string, { descriptor, file }: LayerFile): Promise<void> => {
  await copyToNewFile(file, blob(folder, descriptor)).catch((cause) => explainFullDisk(cause, folder, descriptor))
}

const explainFullDisk = (cause: unknown, folder: string, { size }: Descriptor): never => {
  if (!isNoSpace(cause)) throw cause
  throw new UserError(
    `There is no space left for \`output\` in ${folder}, where ${megabytes(size)} more are needed for this part of the image alone; free some on that disk, or name a folder on another one.`,
    { cause },
  )
}

/**
 * Completes an OCI image layout that has the layers already. The tags point at `top`, the manifest or the index. Each
 * document is written after those that it names, so that nothing ever names a missing blob.
 */
export const writeLayout = async (
  folder: string,
  images: readonly Image[],
  top: Document,
  tags: readonly string[],
): Promise<void> => {
  const documents = images.flatMap(({ config, manifest }) => [config, manifest])
  for (const { descriptor, bytes } of [...documents, top])
    await writeNewFile(blob(folder, descriptor), bytes).catch((cause) => explainFullDisk(cause, folder, descriptor))
  await writeNewFile(join(folder, 'index.json'), layoutIndex(top.descriptor, tags)).catch((cause) =>
    explainFullDisk(cause, folder, top.descriptor),
  )
}
