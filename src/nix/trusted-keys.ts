import { list, parseJson, record, string } from '../check.ts'
import { CommandError } from '../command.ts'
import type { Nix } from './nix.ts'

/**
 * The setting `trusted-public-keys`, with all that adds to it: whose signatures Nix takes store paths for, anywhere and at any time. The
 * keys of `secret-key-files` are not among them: only this machine trusts those.
 */
export const trustedPublicKeys = async (nix: Nix): Promise<string[]> => {
  // Older versions call it `show-config`; newer ones warn of that name.
  const text = await nix('nix', ['config', 'show', '--json']).catch((error) => {
    if (!(error instanceof CommandError)) throw error
    return nix('nix', ['show-config', '--json'])
  })
  const setting = record(parseJson(text, 'the settings'), 'the settings')['trusted-public-keys']
  return list(string)(record(setting, 'trusted-public-keys')['value'], 'trusted-public-keys')
}
