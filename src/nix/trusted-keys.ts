import { list, string } from '../lib/check.ts'
import type { Nix } from './nix.ts'
import { readSetting } from './settings.ts'

/**
 * The value of the setting `trusted-public-keys`, with all settings that add to it. Nix accepts every store path with a
 * signature by one of these keys, anywhere and at any time. The keys of `secret-key-files` are not among them: only
 * this machine trusts those.
 */
export const trustedPublicKeys = async (nix: Nix): Promise<string[]> =>
  list(string)((await readSetting(nix, 'trusted-public-keys')).value, 'trusted-public-keys')
