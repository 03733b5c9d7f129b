import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { type CommandOptions, command } from '../lib/command.ts'

/** A folder on the file system of `/nix` for what is put there in the end. */
export type Staging = { readonly path: string; readonly remove: () => Promise<void> }

const prefix = '.nix-image-action-'

/** Of a folder that is not told to be in use yet; it has another name after a moment. */
const unready = `${prefix}new-`

/** In milliseconds; a folder without a socket is nobody's after that. */
const patience = 600_000

/**
 * Makes a folder in `root` that is removed by the next one who asks for such a folder, should this process be killed.
 * As long as it lives, it listens at a socket in there: the kernel closes that in any case, and it can be seen from
 * another container.
 */
export const openStaging = async (root: string, options: CommandOptions): Promise<Staging> => {
  const first = await mkdtemp(join(root, unready))
  const path = join(root, `${prefix}${first.slice(join(root, unready).length)}`)
  const server = createServer((socket) => socket.destroy()).unref()
  const remove = async (): Promise<void> => {
    // In this order: as long as there is something, it can be asked whose it is.
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
 * `before` is in milliseconds since 1970, by the clock of the file system. Whoever cannot be asked, or be removed,
 * stays.
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

/** `undefined` if somebody listens, `ECONNREFUSED` if nobody does any more, `ENOENT` if nobody has. */
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
  // Also when the run is cancelled.
  const { signal } = new AbortController()
  // Directories in the store have no write permission, and only what may be written to can be removed.
  await command('chmod', ['--recursive', 'u+w', folder], { ...options, signal }).catch(() => {})
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
}
