import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError } from '../command.ts'
import type { SigningKey } from '../inputs/signing-key.ts'
import type { Nix } from '../nix/nix.ts'
import type { PathInfo } from '../nix/path-info.ts'
import { parseStorePath, type StorePath } from '../nix/store-path.ts'
import { plainFolder } from './plain-folder.ts'

/** Many more narinfo files than an image has, and more bytes of them. */
const most = { files: 20_000, bytes: 64_000_000 }

/** The paths that a binary cache says it has. Throws an `Error` if it is none. */
export const pathsIn = async (folder: string): Promise<StorePath[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.narinfo')).sort()
  if (names.length > most.files) throw new Error(`it has ${names.length} narinfo files, and no run saves so many`)
  const paths: StorePath[] = []
  let bytes = 0
  for (const name of names) {
    bytes += (await stat(join(folder, name))).size
    if (bytes > most.bytes) throw new Error(`its narinfo files have more than ${most.bytes} bytes`)
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
  await using plain = await plainFolder(folder)
  const settings = {
    substitute: 'true',
    substituters: `file://${plain.path}`,
    'require-sigs': 'true',
    // Without it, one damaged file would end the fetching of all.
    fallback: 'true',
    ...(signingKey && { 'extra-trusted-public-keys': signingKey.publicKey }),
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
  let isTrusted = true
  const onLine = (line: string): void => {
    if (/ignoring .*(untrusted|not a trusted user)/.test(line)) isTrusted = false
  }
  try {
    if (paths.length > 0) await nix('nix-store', ['--realise', '--keep-going', ...options, ...paths], { onLine })
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
  }
  return isTrusted
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
  await using plain = await plainFolder(folder)
  const copy = (paths: readonly PathInfo[], parameters: string): Promise<unknown> =>
    nix('nix', ['copy', '--to', `file://${plain.path}?${parameters}`, ...paths.map(({ path }) => path)])
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
  await using keyFolder = await plainFolder(temporary)
  const file = join(keyFolder.path, 'cache-signing-key')
  await writeFile(file, signingKey.secretKey, { mode: 0o600, flag: 'wx' })
  try {
    await copy(selected, `${compression}&secret-key=${file}`)
  } finally {
    await rm(file)
  }
}
