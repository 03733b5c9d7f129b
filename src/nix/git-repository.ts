import { lstat, open, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

/** The parts of a git repository, as absolute paths. Source: gitrepository-layout(5). */
export type GitRepository = {
  /** The folder with HEAD and the index. */
  readonly own: string
  /** The folder with objects, references and the configuration. Several working trees may share it. */
  readonly common: string
  /** The top of the working tree; `undefined` for a bare repository. */
  readonly root: string | undefined
}

/**
 * The repository that a folder is in, found as git finds it, but without git, which would run programs that the
 * configuration of the repository names. Bare repositories do not count: any checkout can contain one, since no part of
 * it is called `.git`. `folder` is a real path. Throws an `Error` if a `.git` file does not lead to a repository.
 */
export const findRepository = async (folder: string): Promise<GitRepository | undefined> => {
  const { dev } = await stat(folder)
  for (let root = folder; ; root = dirname(root)) {
    // Like git, this does not look on another file system.
    if ((await stat(root)).dev !== dev) return undefined
    const found = await repositoryAt(root)
    if (found || root === dirname(root)) return found
  }
}

/**
 * The repository of the working tree at `root`, not of a folder around it. Throws an `Error` if a `.git` file does not
 * lead to a repository.
 */
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

/** `undefined` if git would not accept it as a repository. */
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

/** In bytes. A larger file cannot be one of git's. */
const smallLimit = 1_000_000

/**
 * Reads a text file; `undefined` if it does not exist. Throws an `Error` if it is too large or no file: reading a pipe
 * could wait for ever.
 */
export const readSmall = async (path: string): Promise<string | undefined> => {
  const stats = await stat(path).catch(() => undefined)
  if (!stats) return undefined
  if (!stats.isFile() || stats.size > smallLimit) throw new Error(`${path} is no file of a git repository`)
  await using file = await open(path)
  return (await file.readFile()).toString()
}
