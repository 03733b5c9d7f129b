import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isNoSpace, UserError } from '../error.ts'
import { exists } from '../exists.ts'
import type { Descriptor, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import { layoutFile, layoutIndex } from '../oci/layout.ts'
import { megabytes } from '../units.ts'
import type { LayerBlob } from './layer.ts'

/**
 * Makes the folder of an image layout, before there is work that would be lost. Throws a `UserError` if it cannot be written
 * to, or holds anything else than an image layout, which would be mixed up with it.
 */
export const prepareLayout = async (folder: string): Promise<void> => {
  try {
    const names = (await exists(folder)) ? await readdir(folder) : []
    if (names.some((name) => !['blobs', 'index.json', 'oci-layout'].includes(name)))
      throw new UserError(
        `\`output\` is ${folder}, which has other files in it; name an empty folder, or one that does not exist.`,
      )
    await mkdir(blobs(folder), { recursive: true })
    await writeFile(join(folder, 'oci-layout'), layoutFile)
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    const reason = cause instanceof Error && 'code' in cause ? cause.code : cause
    throw new UserError(`\`output\` is ${folder}, which cannot be written to (${reason}); name another folder.`, {
      cause,
    })
  }
}

const blobs = (folder: string): string => join(folder, 'blobs', 'sha256')
const blob = (folder: string, { digest }: Descriptor): string => join(blobs(folder), digest.slice('sha256:'.length))

/** Puts the file of a layer into an image layout. Throws a `UserError` if it has no room there. */
export const addLayerToLayout = async (folder: string, { descriptor, file }: LayerBlob): Promise<void> => {
  await copyFile(file, blob(folder, descriptor)).catch((cause) => explainFullDisk(cause, folder, descriptor))
}

const explainFullDisk = (cause: unknown, folder: string, { size }: Descriptor): never => {
  if (!isNoSpace(cause)) throw cause
  throw new UserError(
    `There is no space left for \`output\` in ${folder}, where ${megabytes(size)} more are needed for this part of the image alone; free some on that disk, or name a folder on another one.`,
    { cause },
  )
}

/**
 * Completes an OCI image layout that has the layers already; the tags point at `top`, the manifest or the index. What names
 * others comes last, so that nothing ever names a blob that is not there yet.
 */
export const writeLayout = async (
  folder: string,
  images: readonly Image[],
  top: Document,
  tags: readonly string[],
): Promise<void> => {
  const documents = images.flatMap(({ config, manifest }) => [config, manifest])
  for (const { descriptor, bytes } of [...documents, top])
    await writeFile(blob(folder, descriptor), bytes).catch((cause) => explainFullDisk(cause, folder, descriptor))
  await writeFile(join(folder, 'index.json'), layoutIndex(top.descriptor, tags)).catch((cause) =>
    explainFullDisk(cause, folder, top.descriptor),
  )
}
