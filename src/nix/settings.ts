import { parseJson, record } from '../lib/check.ts'
import { CommandError } from '../lib/command.ts'
import type { Nix } from './nix.ts'

/**
 * The value of one of Nix's settings, and its default. Neither is checked further. Source: `nix config show --json`.
 */
export const readSetting = async (
  nix: Nix,
  name: string,
): Promise<{ readonly value: unknown; readonly defaultValue: unknown }> => {
  // Older versions call it `show-config`; newer ones warn about that name.
  const text = await nix('nix', ['config', 'show', '--json'], { quiet: true }).catch((error) => {
    if (!(error instanceof CommandError)) throw error
    return nix('nix', ['show-config', '--json'], { quiet: true })
  })
  const { value, defaultValue } = record(record(parseJson(text, 'the settings'), 'the settings')[name], name)
  return { value, defaultValue }
}
