import { chmod, lstat, mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError, type CommandOptions, command } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import { exists } from '../lib/exists.ts'
import { openStaging } from './staging.ts'

/** A release of Nix whose store paths are in the store. `registration` is the file that `nix-store --load-db` reads. */
export type UnpackedRelease = {
  /** The store path of Nix itself. */
  readonly path: string
  readonly registration: string
  /** A file of certificate authorities that the release brings, in PEM. */
  readonly certificates: string | undefined
  /** A folder for files that are then renamed into `root`, so that no process ever sees half of one. */
  readonly staging: string
  readonly remove: () => Promise<void>
}

/**
 * Unpacks a release tarball into the store of `root` (`/nix`). All files are unpacked beside the store first and then
 * renamed into it, so that a broken tarball leaves nothing there. Paths that the store already has are left as they
 * are. `remove` removes the temporary files. Throws a `UserError` if the tarball is no release for `system`.
 */
export const unpackRelease = async (
  tarball: string,
  system: string,
  root: string,
  options: CommandOptions,
): Promise<UnpackedRelease> => {
  const { path: folder, remove } = await openStaging(root, options)
  const store = join(root, 'store')
  try {
    await command('tar', ['--extract', '--file', tarball, '--directory', folder, '--no-same-owner'], options)
    const release = await releaseFolder(folder, system)
    const names = (await readdir(join(release, 'store'))).sort()
    const nix = await nixIn(join(release, 'store'), names)
    await mkdir(store, { recursive: true })
    for (const name of names)
      if (!(await exists(join(store, name)))) await move(join(release, 'store', name), join(store, name))
    const certificates = await certificatesIn(store, names)
    return { path: join(store, nix), registration: join(release, '.reginfo'), certificates, staging: folder, remove }
  } catch (cause) {
    await remove()
    throw explain(cause)
  }
}

const releaseFolder = async (folder: string, system: string): Promise<string> => {
  const [name = '', ...others] = await readdir(folder)
  const isRelease =
    others.length === 0 && (await exists(join(folder, name, '.reginfo'))) && (await exists(join(folder, name, 'store')))
  if (!isRelease)
    throw new UserError('The Nix tarball is no release of Nix: it lacks `store` or `.reginfo`; check `nix-url`.')
  if (!name.endsWith(`-${system}`))
    throw new UserError(
      `The Nix tarball is ${name}, but this runner is ${system}; give the \`nix-url\` for that system.`,
    )
  return join(folder, name)
}

const nixIn = async (store: string, names: readonly string[]): Promise<string> => {
  for (const name of names) if (await exists(join(store, name, 'bin', 'nix-store'))) return name
  throw new UserError('The Nix tarball has no bin/nix-store; check `nix-url`.')
}

const certificatesIn = async (store: string, names: readonly string[]): Promise<string | undefined> => {
  for (const name of names.filter((name) => name.includes('-nss-cacert-'))) {
    const file = join(store, name, 'etc', 'ssl', 'certs', 'ca-bundle.crt')
    if (await exists(file)) return file
  }
  return undefined
}

/**
 * If another process was faster, its path has the same content: a path is complete or does not exist. Only root can
 * move a directory without write permission to another parent.
 */
const move = async (from: string, to: string): Promise<void> => {
  const stats = await lstat(from)
  if (stats.isDirectory()) await chmod(from, 0o755)
  try {
    await rename(from, to)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOTEMPTY' || cause.code === 'EEXIST')) return
    throw cause
  }
  if (stats.isDirectory()) await chmod(to, stats.mode)
}

const explain = (cause: unknown): unknown => {
  if (!(cause instanceof CommandError)) return cause
  if (/No space left on device/.test(cause.stderr))
    return new UserError('There is no space left in /nix to unpack Nix; free some on the disk of the runner.', {
      cause,
    })
  const [line = cause.message] = cause.stderr.split('\n')
  return new UserError(
    `The Nix tarball cannot be unpacked (${line}); check \`nix-url\`, and that tar and xz are there.`,
    { cause },
  )
}
