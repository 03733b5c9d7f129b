import { join } from 'node:path'
import type { Job } from '../lib/job.ts'
import type { LayoutContent } from '../oci/layout.ts'
import type { LayerFile } from '../registry/push.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from './write-layout.ts'
import { keepLayer, prepareLayoutArchive, writeLayoutArchive } from './write-layout-archive.ts'

/** An image layout that a run writes. Each function throws a `UserError` if the disk is full. */
export type ImageLayout = {
  /** Takes a complete layer, whose file is not needed afterwards. */
  readonly addLayer: (layer: LayerFile) => Promise<void>
  /** Completes the layout. All layers must have been taken. */
  readonly write: (content: LayoutContent) => Promise<void>
}

/**
 * Opens an image layout before there is work that would be lost: one archive if the path ends in `.tar`, else a folder.
 * Throws a `UserError` that says what is wrong with the path.
 */
export const openImageLayout = async (
  path: string,
  workspace: string,
  { temporary, signal }: Pick<Job, 'signal' | 'temporary'>,
): Promise<ImageLayout> => {
  if (!path.endsWith('.tar')) {
    await prepareLayout(path, workspace)
    return {
      addLayer: (layer) => addLayerToLayout(path, layer),
      write: (content) => writeLayout(path, content),
    }
  }
  await prepareLayoutArchive(path, workspace)
  const kept = join(temporary, 'layers-of-archive')
  return {
    addLayer: (layer) => keepLayer(kept, layer),
    write: (content) => writeLayoutArchive(path, kept, content, signal),
  }
}
