import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../error.ts'
import type { Descriptor, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import { layoutFiles } from '../oci/layout.ts'
import type { LayerBlob } from './layer.ts'

/** Throws a `UserError` if `folder` holds anything else than an image layout, which would be mixed up with it. */
export const checkLayoutFolder = async (folder: string): Promise<void> => {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new UserError(
      `\`output\` is ${folder}, which is no folder that can be read (${error.code}); name another one.`,
    )
  })
  if (names.length > 0 && !names.includes('oci-layout'))
    throw new UserError(
      `\`output\` is ${folder}, which has other files in it; name an empty folder, or one that does not exist.`,
    )
}

const blobs = (folder: string): string => join(folder, 'blobs', 'sha256')
const blob = (folder: string, { digest }: Descriptor): string => join(blobs(folder), digest.slice('sha256:'.length))

/** Puts the file of a layer into an image layout. */
export const addLayerToLayout = async (folder: string, { descriptor, file }: LayerBlob): Promise<void> => {
  await mkdir(blobs(folder), { recursive: true })
  await copyFile(file, blob(folder, descriptor))
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
  for (const { descriptor, bytes } of [...documents, top]) await writeFile(blob(folder, descriptor), bytes)
  for (const [name, text] of Object.entries(layoutFiles(top.descriptor, tags)))
    await writeFile(join(folder, name), text)
}
