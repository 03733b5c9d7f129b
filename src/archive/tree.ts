import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../error.ts'
import type { StorePath } from '../nix/store-path.ts'

/**
 * One member of an archive. Names are relative to the image's root, with slashes and without one at either end. `mode` is
 * the permission bits; owner and times are the same for all members and not told here.
 */
export type TreeEntry =
  | { readonly type: 'directory'; readonly name: string; readonly mode: number }
  | { readonly type: 'symlink'; readonly name: string; readonly target: string }
  | { readonly type: 'file'; readonly name: string; readonly mode: number; readonly content: Content }

/** The bytes of a file, or a way to read them as they are needed. */
export type Content = Uint8Array | { readonly size: number; readonly read: () => AsyncIterable<Uint8Array> }

/** Files up to this many bytes are read in one call. */
const smallFile = 256 * 1024

/**
 * The layer of the given store paths: their parent directories, then each path with all that is in it, depth first, each
 * directory's names by code unit. Throws a `UserError` that names a path which cannot be read or is no file, directory or
 * symlink.
 */
export async function* storePathsTree(paths: readonly StorePath[]): AsyncGenerator<TreeEntry> {
  yield { type: 'directory', name: 'nix', mode: 0o755 }
  yield { type: 'directory', name: 'nix/store', mode: 0o755 }
  for (const path of paths.toSorted()) yield* walk(path)
}

async function* walk(path: string): AsyncGenerator<TreeEntry> {
  const name = path.slice(1)
  const stats = await reading(path, () => lstat(path))
  if (stats.isSymbolicLink()) {
    yield { type: 'symlink', name, target: await reading(path, () => readlink(path)) }
  } else if (stats.isFile()) {
    // The store's own modes: other bits may have been lost or added where it was restored.
    const mode = stats.mode & 0o111 ? 0o555 : 0o444
    const content =
      stats.size <= smallFile
        ? await reading(path, () => readFile(path))
        : { size: stats.size, read: () => createReadStream(path, { highWaterMark: smallFile }) }
    yield { type: 'file', name, mode, content }
  } else if (stats.isDirectory()) {
    yield { type: 'directory', name, mode: 0o555 }
    for (const child of await childrenOf(path)) yield* walk(join(path, child))
  } else {
    throw new UserError(`${path} is neither a file nor a directory nor a symlink, so it cannot be put into an image.`)
  }
}

const childrenOf = async (path: string): Promise<string[]> => {
  const names = await reading(path, () => readdir(path, { encoding: 'buffer' }))
  const foreign = names.find((name) => !isUtf8(name))
  if (foreign)
    throw new UserError(
      `${path} has a file whose name is not UTF-8 (${foreign.toString('latin1')}); rename it in its package.`,
    )
  return names.map((name) => name.toString()).sort()
}

const reading = async <T>(path: string, read: () => Promise<T>): Promise<T> => {
  try {
    return await read()
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? cause.code : cause
    throw new UserError(`${path} cannot be read (${reason}); check the Nix store of this machine.`, { cause })
  }
}
