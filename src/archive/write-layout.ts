import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../error.ts'
import type { Digest } from '../oci/descriptor.ts'
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

/**
 * Writes an image as an OCI image layout. `layerFiles` are the layers' blobs. The index comes last, so that it never names
 * a blob that is not there yet.
 */
export const writeLayout = async (
  folder: string,
  { config, manifest }: Image,
  layerFiles: readonly { readonly digest: Digest; readonly file: string }[],
  tags: readonly string[],
): Promise<void> => {
  const blobs = join(folder, 'blobs', 'sha256')
  const blob = (digest: Digest): string => join(blobs, digest.slice('sha256:'.length))
  await mkdir(blobs, { recursive: true })
  for (const { digest, file } of layerFiles) await copyFile(file, blob(digest))
  for (const { descriptor, bytes } of [config, manifest]) await writeFile(blob(descriptor.digest), bytes)
  for (const [name, text] of Object.entries(layoutFiles(manifest.descriptor, tags)))
    await writeFile(join(folder, name), text)
}
