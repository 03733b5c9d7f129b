import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { UserError } from '../lib/error.ts'
import type { StorePath } from '../nix/store-path.ts'
import { fileName, fileNameBytes } from './file-name.ts'

/** The user and the group that a directory belongs to. */
export type Owner = { readonly uid: number; readonly gid: number }

/**
 * One member of an archive. Names are relative to the image's root, and have no slash at either end. Names and targets
 * are as `fileName` returns them. `mode` is the permission bits. The owner is root, unless a directory has another one.
 * All members have the same time.
 */
export type TreeEntry =
  | { readonly type: 'directory'; readonly name: string; readonly mode: number; readonly owner?: Owner }
  | { readonly type: 'symlink'; readonly name: string; readonly target: string }
  | { readonly type: 'file'; readonly name: string; readonly mode: number; readonly content: Content }

/** The bytes of a file, or a way to read them as they are needed. */
export type Content =
  | Uint8Array
  | { readonly size: number; readonly read: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array> }

/** Files up to this many bytes are read in one call. */
const smallFile = 256 * 1024

/** Larger files are read in parts of this many bytes. */
const part = 1024 * 1024

/**
 * The entries of a layer of store paths: their parent directories, then each path with all its content, depth first,
 * the names of each directory in byte order. Throws a `UserError` that names a path which cannot be read, changes while
 * it is read, is not a file, directory or symlink, or has a name that an image cannot hold.
 *
 * Files are read synchronously. An asynchronous call would wait in the queue of the thread pool behind blocks that are
 * being compressed. With several calls for each of many small files, most of the time would be waiting.
 */
export function* storePathsTree(paths: readonly StorePath[]): Generator<TreeEntry> {
  yield { type: 'directory', name: 'nix', mode: 0o755 }
  yield { type: 'directory', name: 'nix/store', mode: 0o755 }
  for (const path of paths.toSorted()) yield* walk(path)
}

function* walk(path: string): Generator<TreeEntry> {
  const name = path.slice(1)
  const place = fileNameBytes(path)
  const stats = reading(path, () => lstatSync(place))
  if (stats.isSymbolicLink()) {
    const target = reading(path, () => readlinkSync(place, { encoding: 'buffer' }))
    yield { type: 'symlink', name, target: fileName(target) }
  } else if (stats.isFile()) {
    // Only the executable bit counts, as in a NAR: other bits may have been lost or added when the store was restored.
    const mode = stats.mode & 0o100 ? 0o555 : 0o444
    if (stats.size > smallFile) {
      yield { type: 'file', name, mode, content: { size: stats.size, read: () => readInParts(path, stats) } }
    } else {
      const content = reading(path, () => readFileSync(place))
      if (content.length !== stats.size) throw changed(path)
      yield { type: 'file', name, mode, content }
    }
  } else if (stats.isDirectory()) {
    yield { type: 'directory', name, mode: 0o555 }
    const names = reading(path, () => readdirSync(place, { encoding: 'buffer' })).sort(Buffer.compare)
    const children = names.map(fileName)
    checkNames(path, children)
    for (const child of children) yield* walk(`${path}/${child}`)
  } else {
    throw new UserError(`${path} is neither a file nor a directory nor a symlink, so it cannot be put into an image.`)
  }
}

const changed = (path: string): UserError => new UserError(`${path} changed while it was read; run the job again.`)

function* readInParts(path: string, before: Stats): Generator<Uint8Array> {
  const file = reading(path, () => openSync(fileNameBytes(path), 'r'))
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(part)
      const bytes = reading(path, () => readSync(file, buffer))
      if (bytes === 0) {
        const after = fstatSync(file)
        if (after.mtimeMs !== before.mtimeMs || after.ino !== before.ino) throw changed(path)
        return
      }
      yield buffer.subarray(0, bytes)
    }
  } finally {
    closeSync(file)
  }
}

/**
 * Such a file would not be in the image, and would remove another one from it. Source: OCI image specification,
 * "Whiteouts".
 */
const checkNames = (path: string, names: readonly string[]): void => {
  const whiteout = names.find((name) => name.startsWith('.wh.'))
  if (whiteout)
    throw new UserError(
      `${path} has ${whiteout}, which in an image removes a file instead of being one; rename it in its package.`,
    )
}

const reading = <T>(path: string, read: () => T): T => {
  try {
    return read()
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? cause.code : cause
    throw new UserError(`${path} cannot be read (${reason}); check the Nix store of this machine.`, { cause })
  }
}
