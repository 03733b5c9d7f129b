import { createReadStream, createWriteStream } from 'node:fs'
import { link, mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { tar } from '../archive/tar.ts'
import type { Content, TreeEntry } from '../archive/tree.ts'
import { isNoSpace, UserError } from '../lib/error.ts'
import { lstatIfThere } from '../lib/lstat-if-there.ts'
import { megabytes } from '../lib/units.ts'
import { writeNewFile } from '../lib/write-new-file.ts'
import type { Digest } from '../oci/descriptor.ts'
import { blobPath, type LayoutContent, layoutFile, layoutFiles } from '../oci/layout.ts'
import type { LayerFile } from '../registry/push.ts'
import { prepareOutput } from './prepare-output.ts'

/**
 * Creates the folder of an archive, before there is work that would be lost. Throws a `UserError` if it cannot be
 * written to, if a link in the workspace leads to the archive, or if something that is no file has its name. A file
 * with its name stays until the new archive takes its place.
 */
export const prepareLayoutArchive = (file: string, workspace: string): Promise<void> =>
  prepareOutput(file, workspace, 'file', async () => {
    const there = await lstatIfThere(file)
    if (there && !there.isFile())
      throw new UserError(
        there.isDirectory()
          ? `\`output\` is ${file}, which is a folder, and with \`.tar\` at its end an archive is written; name a file, or a folder without \`.tar\`.`
          : `\`output\` is ${file}, which is a device or something else that is no file; name another file.`,
      )
    await mkdir(dirname(file), { recursive: true })
    await writeNewFile(unfinished(file), '')
    await rm(unfinished(file))
  })

/** The name of an archive while it is written, the same in each run, so that nothing stays of one that was killed. */
const unfinished = (file: string): string => join(dirname(file), `.${basename(file)}.unfinished`)

/**
 * Keeps the file of a layer for an archive, whose layers are in the order of their digests. It needs no space, since it
 * is another name of the file. `kept` is a folder on the same disk.
 */
export const keepLayer = async (kept: string, { descriptor, file }: LayerFile): Promise<void> => {
  await mkdir(kept, { recursive: true })
  await link(file, keptLayer(kept, descriptor.digest)).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
}

const keptLayer = (kept: string, digest: Digest): string => join(kept, digest.slice('sha256:'.length))

/**
 * Writes an OCI image layout as one tar archive, the same bytes for the same image and names. The file has its name
 * when it is complete. Throws a `UserError` if the disk is full. Each layer in `kept` is removed as soon as the archive
 * has it, so that the disk need not have room for all layers twice.
 */
export const writeLayoutArchive = async (
  file: string,
  kept: string,
  content: LayoutContent,
  signal: AbortSignal,
): Promise<void> => {
  const entries = entriesOf(kept, content)
  const part = unfinished(file)
  try {
    await rm(part, { force: true })
    await pipeline(tar(entries), createWriteStream(part, { flags: 'wx' }), { signal })
    await rename(part, file)
  } catch (cause) {
    await rm(part, { force: true })
    if (!isNoSpace(cause)) throw cause
    const size = entries.reduce((total, entry) => total + (entry.type === 'file' ? sizeOf(entry.content) : 0), 0)
    throw new UserError(
      `There is no space left for \`output\` in ${dirname(file)}, where ${megabytes(size)} are needed for ${basename(file)}; free some on that disk, or name a file on another one.`,
      { cause },
    )
  }
}

const sizeOf = (content: Content): number => (content instanceof Uint8Array ? content.length : content.size)

/** The members of the archive in the order of their names. */
const entriesOf = (kept: string, content: LayoutContent): TreeEntry[] => {
  const layers = content.images.flatMap((image) => image.layers.map(({ descriptor }) => descriptor))
  const files = new Map<string, Content>([
    ['oci-layout', Buffer.from(layoutFile)],
    ...layoutFiles(content),
    ...layers.map(({ digest, size }) => {
      const read = () => readOnce(keptLayer(kept, digest))
      return [blobPath(digest), { size, read }] as const
    }),
  ])
  const entries: TreeEntry[] = [
    ...['blobs', 'blobs/sha256'].map((name) => ({ type: 'directory', name, mode: 0o755 }) as const),
    ...[...files].map(([name, content]) => ({ type: 'file', name, mode: 0o644, content }) as const),
  ]
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function* readOnce(file: string): AsyncGenerator<Uint8Array, void, void> {
  yield* createReadStream(file, { highWaterMark: 1024 * 1024 })
  await rm(file)
}
