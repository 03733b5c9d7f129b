import { readFile, stat } from 'node:fs/promises'
import { string } from '../lib/check.ts'
import type { Nix } from './nix.ts'
import { readSetting } from './settings.ts'

/** In bytes; a larger one is not what it seems. */
const limit = 1_000_000

/**
 * The text of the netrc file that Nix reads, of whichever configuration names it; empty if there is none, or none that
 * this user can read. Source: the Nix manual, "netrc-file".
 */
export const userNetrc = async (nix: Nix): Promise<string> => {
  const file = string((await readSetting(nix, 'netrc-file')).value, 'netrc-file')
  const stats = await stat(file).catch(() => undefined)
  if (!stats?.isFile() || stats.size > limit) return ''
  return readFile(file, 'utf8').catch(() => '')
}
