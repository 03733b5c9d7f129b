import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError } from '../command.ts'
import type { SigningKey } from '../inputs/signing-key.ts'
import type { Nix } from '../nix/nix.ts'
import type { PathInfo } from '../nix/path-info.ts'
import { parseStorePath, type StorePath } from '../nix/store-path.ts'

/** Many more than an image has. */
const most = 20_000

/** The paths that a binary cache says it has. Throws an `Error` if it is none. */
export const pathsIn = async (folder: string): Promise<StorePath[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.narinfo')).sort()
  if (names.length > most) throw new Error(`it has ${names.length} narinfo files, and no run saves so many`)
  const paths: StorePath[] = []
  for (const name of names) {
    const [, line = ''] = /^StorePath: (.*)$/m.exec(await readFile(join(folder, name), 'utf8')) ?? []
    const path = parseStorePath(line, `StorePath in ${name}`)
    if (!path.startsWith(`/nix/store/${name.slice(0, -'.narinfo'.length)}-`))
      throw new Error(`${name} is about ${path}`)
    paths.push(path)
  }
  return paths
}

/**
 * Has Nix fetch the paths from the folder, one by one: a path that it refuses does not stop the others. It is the only
 * substituter for that, and what is wrong with it has no consequence for what is built afterwards. `false` if it is not Nix that
 * would fetch them, but a daemon that does not do so for this user.
 */
export const importPaths = async (
  folder: string,
  paths: readonly StorePath[],
  signingKey: SigningKey | undefined,
  nix: Nix,
): Promise<boolean> => {
  const settings = {
    substitute: 'true',
    substituters: `file://${folder}`,
    'require-sigs': 'true',
    // Without it, one damaged file would end the fetching of all.
    fallback: 'true',
    ...(signingKey && { 'extra-trusted-public-keys': signingKey.publicKey }),
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
  try {
    if (paths.length > 0) await nix('nix-store', ['--realise', '--keep-going', ...options, ...paths])
    return true
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return !/ignoring .*(untrusted|not a trusted user)/.test(error.stderr)
  }
}

/**
 * Makes the folder a binary cache with these paths, which hold all that they reference. What is not proven is signed; without a key,
 * there may be none of that.
 */
export const exportPaths = async (
  folder: string,
  selected: readonly PathInfo[],
  signingKey: SigningKey | undefined,
  temporary: string,
  nix: Nix,
): Promise<void> => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  const copy = (paths: readonly PathInfo[], parameters: string): Promise<unknown> =>
    nix('nix', ['copy', '--to', `file://${folder}?${parameters}`, ...paths.map(({ path }) => path)])
  const compression = 'compression=zstd&parallel-compression=true'
  const proven = new Map(selected.filter(({ isProven }) => isProven).map((info) => [info.path, info]))
  const isClosed = ({ path, references }: PathInfo): boolean =>
    references.every((reference) => reference === path || proven.has(reference))
  for (let before = -1; before !== proven.size; ) {
    before = proven.size
    for (const info of proven.values()) if (!isClosed(info)) proven.delete(info.path)
  }
  // What has a signature keeps that one alone.
  if (proven.size > 0) await copy([...proven.values()], compression)
  if (!signingKey || proven.size === selected.length) return
  const file = join(temporary, 'cache-signing-key')
  await writeFile(file, signingKey.secretKey, { mode: 0o600, flag: 'wx' })
  try {
    await copy(selected, `${compression}&secret-key=${file}`)
  } finally {
    await rm(file)
  }
}
