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
 * Makes the folder of an image layout, before there is work that would be lost. Throws a `UserError` if it cannot be
 * written to, if it holds anything else than an image layout, which would be mixed up with it, or if a link leads there
 * from within the workspace: what a checkout has does not say where this writes to.
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

/** No part of a path may be a link that lies in the workspace, nor its last one a link at all. */
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

/** Which names a folder of a layout may have, those of folders and those of files. */
type Names = { readonly folders?: RegExp; readonly files?: RegExp }

const checkEntries = async (path: string, { folders, files }: Names, folder: string): Promise<void> => {
  if (!(await lstatIfThere(path))) return
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (!folders?.test(entry.name) && !files?.test(entry.name))
      throw new UserError(
        `\`output\` is ${folder}, which has other files in it; name an empty folder, or one that does not exist.`,
      )
    const file = join(path, entry.name)
    // A file with another name elsewhere would be changed there too.
    const isPlain = files?.test(entry.name) ? entry.isFile() && (await lstat(file)).nlink === 1 : entry.isDirectory()
    if (!isPlain)
      throw new UserError(
        `\`output\` is ${folder}, where ${file} is a link or something else that this action has not written; name an empty folder, or one that does not exist.`,
      )
  }
}

const blobs = (folder: string): string => join(folder, 'blobs', 'sha256')
const blob = (folder: string, { digest }: Descriptor): string => join(blobs(folder), digest.slice('sha256:'.length))

/** Puts the file of a layer into an image layout. Throws a `UserError` if it has no room there. */
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
 * Completes an OCI image layout that has the layers already; the tags point at `top`, the manifest or the index. What
 * names others comes last, so that nothing ever names a blob that is not there yet.
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
