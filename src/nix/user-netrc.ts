import { readFile, stat } from 'node:fs/promises'
import { string } from '../lib/check.ts'
import type { Nix } from './nix.ts'
import { readSetting } from './settings.ts'

/** In bytes. A larger file is not read. */
const limit = 1_000_000

/**
 * The text of the netrc file that Nix reads, whichever configuration names it; empty if there is none that this user
 * can read. Source: the Nix manual, "netrc-file".
 */
export const userNetrc = async (nix: Nix): Promise<string> => {
  const file = string((await readSetting(nix, 'netrc-file')).value, 'netrc-file')
  const stats = await stat(file).catch(() => undefined)
  if (!stats?.isFile() || stats.size > limit) return ''
  return readFile(file, 'utf8').catch(() => '')
}
