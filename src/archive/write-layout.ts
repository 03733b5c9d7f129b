import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../error.ts'
import type { Descriptor, Document } from '../oci/descriptor.ts'
import type { Image } from '../oci/image.ts'
import { layoutFiles } from '../oci/layout.ts'

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

/** An image with its layers in files. */
export type LayoutImage = {
  readonly image: Image
  readonly layers: readonly { readonly descriptor: Descriptor; readonly file: string }[]
}

/**
 * Writes images as an OCI image layout; the tags point at `top`, the manifest or the index. It comes last, so that nothing
 * ever names a blob that is not there yet.
 */
export const writeLayout = async (
  folder: string,
  images: readonly LayoutImage[],
  top: Document,
  tags: readonly string[],
): Promise<void> => {
  const blobs = join(folder, 'blobs', 'sha256')
  const blob = ({ digest }: Descriptor): string => join(blobs, digest.slice('sha256:'.length))
  await mkdir(blobs, { recursive: true })
  for (const { image, layers } of images) {
    for (const { descriptor, file } of layers) await copyFile(file, blob(descriptor))
    for (const { descriptor, bytes } of [image.config, image.manifest]) await writeFile(blob(descriptor), bytes)
  }
  await writeFile(blob(top.descriptor), top.bytes)
  for (const [name, text] of Object.entries(layoutFiles(top.descriptor, tags)))
    await writeFile(join(folder, name), text)
}
