import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isSigned, type PublicKeys, signerOf } from '../nix/signature.ts'
import { sourceStorePath } from '../nix/source-store-path.ts'
import type { StorePath } from '../nix/store-path.ts'
import { cacheLimits } from './cache-limits.ts'
import { type Narinfo, parseNarinfo } from './narinfo.ts'

/** The paths that an entry claims to contain, checked as far as is possible without reading a NAR. */
export type Entry = ReadonlyMap<StorePath, Narinfo>

/**
 * Reads all that an entry, a folder without links, claims to contain. Every path must be signed with one of the keys,
 * or be a source whose store path is computed here from its hash. If `hasSigningKey` is false, paths that only unknown
 * keys have signed are left out: this run cannot check what runs with the signing key have saved. Throws an `Error` for
 * anything else; then nothing of the entry may be used.
 */
export const readEntry = async (folder: string, keys: PublicKeys, hasSigningKey: boolean): Promise<Entry> => {
  const names = await narinfoNames(folder)
  const entry = new Map<StorePath, Narinfo>()
  let bytes = 0
  for (const name of names) {
    bytes += (await stat(join(folder, name))).size
    if (bytes > cacheLimits.narinfoBytes)
      throw new Error(`its narinfo files have more than ${cacheLimits.narinfoBytes} bytes`)
    const info = parseNarinfo(await readFile(join(folder, name), 'utf8'), name)
    if (isSigned(info, keys) || isComputedSource(info)) entry.set(info.path, info)
    else if (hasSigningKey || info.signatures.length === 0 || info.signatures.some((text) => keys.has(signerOf(text))))
      throw new Error(`nobody whom this run trusts has signed ${info.path}`)
  }
  return entry
}

/** Whether the path is content-addressed as a source without references, provided that its NAR has the stated hash. */
export const isComputedSource = ({ path, narHash, references, isContentAddressed }: Narinfo): boolean =>
  isContentAddressed && references.length === 0 && path === sourceStorePath(narHash)

/** Throws an `Error` if the folder contains files that do not belong to a binary cache. */
const narinfoNames = async (folder: string): Promise<string[]> => {
  const [store] = (await readFile(join(folder, 'nix-cache-info'), 'utf8')).split('\n')
  if (store !== 'StoreDir: /nix/store') throw new Error('it is no binary cache of /nix/store')
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((file) => !file.isDirectory())
  const names = files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).sort()
  const strange = names.find((name) => !/^(nix-cache-info|[0-9a-z]+\.narinfo|nar\/[0-9a-z]+\.nar\.zst)$/.test(name))
  if (strange !== undefined) throw new Error(`it has the file ${JSON.stringify(strange)}`)
  const narinfos = names.filter((name) => name.endsWith('.narinfo'))
  if (narinfos.length > cacheLimits.narinfoFiles)
    throw new Error(`it has ${narinfos.length} narinfo files, and no run saves so many`)
  return narinfos
}
