import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { type CommandOptions, command } from '../lib/command.ts'

/** A folder on the file system of `/nix` for files that are moved into `/nix` in the end. */
export type Staging = { readonly path: string; readonly remove: () => Promise<void> }

const prefix = '.nix-image-action-'

/** The prefix of a folder that has no socket yet. The folder is renamed when it has one. */
const unready = `${prefix}new-`

/** In milliseconds. A folder that has no socket and is older than this belongs to no process. */
const patience = 600_000

/**
 * Makes a folder in `root`. If this process is killed, the next process that asks for such a folder removes it. While
 * this process lives, it listens at a socket in the folder: the kernel always closes that socket, and processes in
 * other containers can connect to it.
 */
export const openStaging = async (root: string, options: CommandOptions): Promise<Staging> => {
  const first = await mkdtemp(join(root, unready))
  const path = join(root, `${prefix}${first.slice(join(root, unready).length)}`)
  const server = createServer((socket) => socket.destroy()).unref()
  const remove = async (): Promise<void> => {
    // In this order: while any part is left, its socket still shows that it is in use.
    for (const folder of [join(path, 'files'), path, first]) await removeFolder(folder, options)
    server.close()
  }
  try {
    await once(server.listen(join(first, socketName)), 'listening')
    await mkdir(join(first, 'files'))
    await rename(first, path)
    await removeLeftovers(root, (await stat(path)).mtimeMs - patience, options)
  } catch (cause) {
    await remove()
    throw cause
  }
  return { path: join(path, 'files'), remove }
}

const socketName = 'in-use'

/**
 * Removes the folders that no process uses any more. `before` is in milliseconds since 1970, by the clock of the file
 * system. A folder stays if its use cannot be found out, or if it cannot be removed.
 */
const removeLeftovers = async (root: string, before: number, options: CommandOptions): Promise<void> => {
  const isOld = async (folder: string): Promise<boolean> => {
    const stats = await stat(folder).catch(() => undefined)
    return stats !== undefined && stats.mtimeMs < before
  }
  for (const name of await readdir(root)) {
    if (!name.startsWith(prefix)) continue
    const folder = join(root, name)
    const code = name.startsWith(unready) ? 'ENOENT' : await ask(folder)
    if (code === 'ECONNREFUSED' || (code === 'ENOENT' && (await isOld(folder)))) await removeFolder(folder, options)
  }
}

/** `undefined` if a process listens, `ECONNREFUSED` if none does any more, `ENOENT` if there is no socket. */
const ask = async (folder: string): Promise<unknown> => {
  const socket = connect(join(folder, socketName))
  try {
    await once(socket, 'connect')
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : undefined
  } finally {
    socket.destroy()
  }
}

const removeFolder = async (folder: string, options: CommandOptions): Promise<void> => {
  // The folder is removed even if the run is cancelled.
  const { signal } = new AbortController()
  // Directories in the store have no write permission, and without it their files cannot be removed.
  await command('chmod', ['--recursive', 'u+w', folder], { ...options, signal }).catch(() => {})
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
}
