import { readFile, realpath } from 'node:fs/promises'
import { posix } from 'node:path'
import { fileName, fileNameBytes } from '../archive/file-name.ts'
import { membersOf } from '../archive/tar-member.ts'
import { changedInStore } from '../nix/changed-in-store.ts'
import type { ImageSpec } from '../nix/image-spec.ts'
import type { StorePath } from '../nix/store-path.ts'
import { digestOf } from '../oci/descriptor.ts'

/**
 * The entries of the symlink layer: names without a slash at either end, with the targets of links, or `undefined` for
 * directories. Names and targets are as `fileName` returns them.
 */
export type Links = ReadonlyMap<string, string | undefined>

/** Reads the links of the symlink layer. Throws a `UserError` if the layer is not what Nix made. */
export const readLinks = async ({
  path,
  sha256,
}: Pick<ImageSpec['symlinkLayer'], 'path' | 'sha256'>): Promise<Links> => {
  const bytes = await readFile(path)
  const digest = digestOf(bytes)
  if (digest !== `sha256:${sha256}`) throw changedInStore(path, `its digest is ${digest} and not sha256:${sha256}`)
  return new Map([...membersOf(bytes)].map(({ name, type, target }) => [name, type === 'symlink' ? target : undefined]))
}

/**
 * The store paths whose directories decide the links of an image: those named in the targets of the links, and those
 * that the folders of the targets resolve to.
 */
export const linkedPaths = async (links: Links): Promise<StorePath[]> => {
  const folders = new Set([...links.values()].flatMap((target) => (target ? [posix.dirname(target)] : [])))
  const places = [...folders, ...(await Promise.all([...folders].map((folder) => resolved(folder))))]
  return [...new Set(places.map((place) => place.split('/').slice(0, 4).join('/') as StorePath))]
}

const resolved = (folder: string): Promise<string> =>
  realpath(fileNameBytes(folder), { encoding: 'buffer' }).then(fileName, () => folder)
