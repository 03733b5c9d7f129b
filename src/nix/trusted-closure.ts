import { CommandError } from '../lib/command.ts'
import type { Nix } from './nix.ts'
import { pathInfos } from './path-info.ts'
import { isStorePath, type StorePath } from './store-path.ts'

/**
 * The first of these tools, or of the paths that they need, that must not be run; `undefined` if all may. A path may be
 * run if the store has it unchanged, with a signature by one of Nix's `trusted-public-keys`. A path that is named by
 * its content may not: it needs no signature, so a package set can bring any such path.
 */
export const untrusted = async (tools: readonly string[], nix: Nix): Promise<string | undefined> => {
  const paths: StorePath[] = []
  for (const tool of tools)
    if (isStorePath(tool)) paths.push(tool)
    else return `${tool}, which is not in the Nix store`
  const [unsigned] = (await pathInfos(paths, nix)).filter(({ isContentAddressed }) => isContentAddressed)
  if (unsigned) return `${unsigned.path}, which nobody has signed`
  try {
    await nix('nix', ['store', 'verify', '--recursive', '--sigs-needed', '1', ...paths], { quiet: true })
    return undefined
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    const [path] = /\/nix\/store\/[^' ]+/.exec(error.stderr) ?? ['its tools']
    return `${path}, which is not as somebody has signed it whom \`trusted-public-keys\` names`
  }
}
