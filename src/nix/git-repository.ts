import { lstat, open, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

/** Where the parts of a git repository are. Paths are absolute. Source: gitrepository-layout(5). */
export type GitRepository = {
  /** HEAD and the index. */
  readonly own: string
  /** Objects, references and the configuration, which several working trees may share. */
  readonly common: string
  /** The top of the working tree; `undefined` for a bare repository. */
  readonly root: string | undefined
}

/**
 * The repository that a folder is in, found as git finds it, but without git: whoever runs git there runs what the
 * configuration of the repository names. A bare repository is none here: one can lie in any checkout, since no part of
 * it is called `.git`. `folder` is a real path. Throws an `Error` if there is a `.git` that leads nowhere.
 */
export const findRepository = async (folder: string): Promise<GitRepository | undefined> => {
  const { dev } = await stat(folder)
  for (let root = folder; ; root = dirname(root)) {
    // As git does, which looks for nothing on another file system.
    if ((await stat(root)).dev !== dev) return undefined
    const found = await repositoryAt(root)
    if (found || root === dirname(root)) return found
  }
}

/** The repository of the working tree at `root`, not of a folder around it. */
export const repositoryAt = async (root: string): Promise<GitRepository | undefined> => {
  const place = join(root, '.git')
  const stats = await stat(place).catch(() => undefined)
  if (stats?.isDirectory()) return parts(place, root)
  if (!stats?.isFile()) return undefined
  const [, target] = /^gitdir: (.+?)[\r\n]*$/s.exec((await readSmall(place)) ?? '') ?? []
  const found = target && (await parts(resolve(root, target), root))
  if (!found) throw new Error(`${place} does not lead to a git repository`)
  return found
}

/** The bare repository at `place`. */
export const bareRepositoryAt = (place: string): Promise<GitRepository | undefined> => parts(place, undefined)

/** `undefined` if git would not take it for a repository either. */
const parts = async (own: string, root: string | undefined): Promise<GitRepository | undefined> => {
  const shared = (await readSmall(join(own, 'commondir')))?.trim()
  const common = shared ? resolve(own, shared) : own
  const isFolder = (name: string): Promise<boolean> =>
    stat(join(common, name)).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
  const hasHead = await lstat(join(own, 'HEAD')).then(
    (stats) => stats.isFile() || stats.isSymbolicLink(),
    () => false,
  )
  return hasHead && (await isFolder('objects')) && (await isFolder('refs')) ? { own, common, root } : undefined
}

/** Larger ones are not what they seem; in bytes. */
const smallLimit = 1_000_000

/**
 * A text file; `undefined` if it is not there. Throws an `Error` for what is no file, such as a pipe that nobody writes
 * to.
 */
export const readSmall = async (path: string): Promise<string | undefined> => {
  const stats = await stat(path).catch(() => undefined)
  if (!stats) return undefined
  if (!stats.isFile() || stats.size > smallLimit) throw new Error(`${path} is no file of a git repository`)
  await using file = await open(path)
  return (await file.readFile()).toString()
}
