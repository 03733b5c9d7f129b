import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Nix } from '../nix/nix.ts'
import type { SigningKey } from '../nix/signing-key.ts'
import type { StorePath } from '../nix/store-path.ts'
import { parseNarinfo } from './narinfo.ts'
import { plainFolder } from './plain-folder.ts'
import { type Candidate, closureOf } from './select-paths.ts'

/**
 * Makes the folder a binary cache that holds exactly the selected paths of a closure. Signs the paths that are not
 * proven. Without a signing key, all selected paths must be proven.
 */
export const exportPaths = async (
  folder: string,
  closure: readonly Candidate[],
  selected: readonly Candidate[],
  signingKey: SigningKey | undefined,
  temporary: string,
  nix: Nix,
): Promise<void> => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  await using plain = await plainFolder(folder)
  const copy = (candidates: readonly Candidate[], parameters: string): Promise<unknown> =>
    nix('nix', ['copy', '--to', `file://${plain.path}?${parameters}`, ...candidates.map(({ path }) => path)])
  const compression = 'compression=zstd&parallel-compression=true'
  const kept = new Set(selected.map(({ path }) => path))
  const infos = new Map(closure.map((info) => [info.path, info]))
  // A proven path keeps only the signature that it has: the second copy does not sign a path that the first one wrote.
  const proven = selected.filter((candidate) =>
    closureOf(candidate, infos).every(({ path, trust }) => trust === 'proven' || !kept.has(path)),
  )
  if (proven.length > 0) await copy(proven, compression)
  if (signingKey && proven.length < selected.length) {
    await using keyFolder = await plainFolder(temporary)
    const file = join(keyFolder.path, 'cache-signing-key')
    await writeFile(file, signingKey.secretKey, { mode: 0o600, flag: 'wx' })
    try {
      await copy(selected, `${compression}&secret-key=${file}`)
    } finally {
      await rm(file)
    }
  }
  await removeOthers(folder, kept)
}

/** `nix copy` also copies what a path references. */
const removeOthers = async (folder: string, kept: ReadonlySet<StorePath>): Promise<void> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.narinfo'))
  const infos = await Promise.all(
    names.map(async (name) => ({ name, ...parseNarinfo(await readFile(join(folder, name), 'utf8'), name) })),
  )
  // Two paths with the same content have one file.
  const nars = new Set(infos.filter(({ path }) => kept.has(path)).map(({ nar }) => nar))
  for (const { name, path, nar } of infos) {
    if (!kept.has(path)) await rm(join(folder, name))
    if (!nars.has(nar)) await rm(join(folder, nar), { force: true })
  }
}
