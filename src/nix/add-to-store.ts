import { parseJson, string } from '../check.ts'
import type { Nix } from './command.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/** A folder in the store with the hash of its content, `sha256:` and 52 digits in Nix's base 32. */
export type StoredFolder = { readonly path: StorePath; readonly narHash: string }

const expression = '{ name, path }: builtins.path { inherit name path; }'

/** Copies a folder into the store. Its name there does not depend on its name outside, so that equal content is one path. */
export const addToStore = async (nix: Nix, folder: string, name: string): Promise<StoredFolder> => {
  const answer = await nix('nix-instantiate', [
    ...['--eval', '--strict', '--json', '--read-write-mode', '--expr', expression],
    ...['--argstr', 'name', name, '--argstr', 'path', folder],
  ])
  const what = 'the path in the store'
  const path = parseStorePath(string(parseJson(answer, what), what), what)
  return { path, narHash: (await nix('nix-store', ['--query', '--hash', path])).trim() }
}
