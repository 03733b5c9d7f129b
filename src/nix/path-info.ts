import { count, list, optional, parseJson, record, string } from '../lib/check.ts'
import { CommandError } from '../lib/command.ts'
import { type NarHash, parseNarHash } from './nar-hash.ts'
import { type Nix, perProcess } from './nix.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/** The metadata of a path, from Nix's database or from a binary cache; `narSize` in bytes. */
export type PathInfo = {
  readonly path: StorePath
  readonly narHash: NarHash
  readonly narSize: number
  /** The path itself may be one of them. */
  readonly references: readonly StorePath[]
  /** As Nix writes them: a key's name, a colon and base 64. They have not been verified. */
  readonly signatures: readonly string[]
  /** Whether the metadata says that the path is named by its content. */
  readonly isContentAddressed: boolean
}

/**
 * The metadata of valid paths and of all paths that they reference, directly or not. Throws a `CommandError` if a path
 * is not valid.
 */
export const pathInfos = async (paths: readonly StorePath[], nix: Nix): Promise<PathInfo[]> => {
  const closure = new Map<StorePath, PathInfo>()
  for (let start = 0; start < paths.length; start += perProcess)
    for (const info of await query(paths.slice(start, start + perProcess), nix)) closure.set(info.path, info)
  return [...closure.values()]
}

const query = async (paths: readonly StorePath[], nix: Nix): Promise<PathInfo[]> => {
  const args = ['path-info', '--recursive', '--json', ...paths]
  // Newer versions require the number of one of their formats. Older ones have only one format and do not know the
  // option.
  const text = await nix('nix', args).catch((error) => {
    if (!(error instanceof CommandError && error.stderr.includes('--json-format'))) throw error
    return nix('nix', [...args, '--json-format', '1'])
  })
  const answer = parseJson(text, 'the path information')
  if (Array.isArray(answer)) return answer.map((item) => pathInfo(record(item, 'the path information')['path'], item))
  return Object.entries(record(answer, 'the path information')).map(([path, item]) => pathInfo(path, item))
}

const pathInfo = (key: unknown, value: unknown): PathInfo => {
  const path = parseStorePath(string(key, 'path'), 'path')
  const info = record(value, path)
  return {
    path,
    narHash: parseNarHash(string(info['narHash'], `${path}.narHash`), `${path}.narHash`),
    narSize: count(info['narSize'], `${path}.narSize`),
    references: list(string)(info['references'], `${path}.references`).map((reference) =>
      parseStorePath(reference, `a reference of ${path}`),
    ),
    signatures: optional(list(string))(info['signatures'], `${path}.signatures`) ?? [],
    isContentAddressed: Boolean(optional(string)(info['ca'], `${path}.ca`)),
  }
}
