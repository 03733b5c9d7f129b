import { posix } from 'node:path'
import type { Closure } from '../graph/closure.ts'
import { UserError } from '../lib/error.ts'
import type { StorePath } from '../nix/store-path.ts'
import { inBlocks, release } from './block.ts'
import { checkNars } from './check-nars.ts'
import { blockSize } from './compression.ts'
import { hashArchive } from './hash-archive.ts'
import { tar } from './tar.ts'
import { type Content, storePathsTree, type TreeEntry } from './tree.ts'

/** The store paths of a closure, with the hash of each as a NAR. */
type Known = Pick<Closure, 'paths'>

/**
 * Hashes store paths without packing them. Throws a `UserError` that names a path which is not what Nix put into the
 * store. Calls `seen` with each entry as it is read; the entries are proven only if nothing is thrown.
 */
export const proveStorePaths = async (
  paths: readonly StorePath[],
  closure: Known,
  seen: (entry: TreeEntry) => void = () => {},
): Promise<void> => {
  if (paths.length === 0) return
  const entries = function* (): Generator<TreeEntry> {
    for (const entry of storePathsTree(paths)) {
      seen(entry)
      yield entry
    }
  }
  const hashing = hashArchive('store paths')
  for await (const block of hashing.through(inBlocks(tar(entries()), blockSize.none, 2))) release(block)
  checkNars(hashing.result().nars, paths, closure)
}

/** The number of links that Linux follows in one path. */
const mostHops = 40

/**
 * The content of a file of the closure. `path` is the file itself or a link to it. Returns `undefined` if `path` leads
 * to nothing in the image, even if this machine has a file there. Throws a `UserError` if a store path on the way is
 * not what Nix put into the store, or if the file is larger than `smallFile` in `tree.ts`.
 */
export const readProven = async (path: string, closure: Known, hops = 0): Promise<Buffer | undefined> => {
  const names = path.slice(1).split('/')
  const storePath = `/${names.slice(0, 3).join('/')}` as StorePath
  if (!closure.paths.has(storePath) || hops === mostHops) return undefined
  const links = new Map<string, string>()
  let content: Buffer | undefined
  await proveStorePaths([storePath], closure, (entry) => {
    if (entry.type === 'symlink') links.set(entry.name, entry.target)
    if (entry.type === 'file' && `/${entry.name}` === path) content = contentOf(entry.content, path)
  })
  for (let length = 3; length <= names.length; length++) {
    const own = names.slice(0, length).join('/')
    const target = links.get(own)
    if (target !== undefined)
      return readProven(posix.resolve('/', posix.dirname(own), target, ...names.slice(length)), closure, hops + 1)
  }
  return content
}

const contentOf = (content: Content, path: string): Buffer => {
  if (content instanceof Uint8Array) return Buffer.from(content)
  throw new UserError(
    `${path} has ${content.size} bytes, which is more than such a file can have; make it smaller in its package.`,
  )
}
