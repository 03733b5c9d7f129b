import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../error.ts'
import type { Source } from '../inputs/source.ts'
import { addToStore } from './add-to-store.ts'
import type { Nix } from './command.ts'

/**
 * A source with the hash of its content. `srcType` and `srcArgs` are the arguments of `nix/load-pkgs.nix`; `description` is
 * for people.
 */
export type PinnedSource = {
  readonly srcType: 'path' | 'nixpkgs'
  readonly srcArgs: Readonly<Record<string, string>>
  readonly description: string
}

/** Where archives of repositories come from; tests have their own. */
export type SourceEndpoints = { readonly github: string }

export const publicEndpoints: SourceEndpoints = { github: 'https://github.com' }

/** Pins a source, so that evaluation can be pure. Throws a `UserError` if a path is no package set. */
export const pinSource = async (source: Source, nix: Nix, endpoints: SourceEndpoints): Promise<PinnedSource> => {
  if (source.type === 'nixpkgs') {
    const { revision, narHash } = source
    const url = `${endpoints.github}/NixOS/nixpkgs/archive/${revision}.tar.gz`
    return { srcType: 'nixpkgs', srcArgs: { url, sha256: narHash }, description: `nixpkgs at ${revision}, ${narHash}` }
  }
  await checkPackageSet(source.path)
  const { path, narHash } = await addToStore(nix, source.path, 'source')
  return { srcType: 'path', srcArgs: { path, narHash }, description: `${source.path} with the content ${narHash}` }
}

const checkPackageSet = async (path: string): Promise<void> => {
  const isThere = async (file: string): Promise<boolean> =>
    stat(file).then(
      () => true,
      () => false,
    )
  if (!(await isThere(path)))
    throw new UserError(
      `\`nixpkgs\` is ${path}, which does not exist; check the path, and that actions/checkout ran before this step.`,
    )
  if (!(await isThere(join(path, 'default.nix'))))
    throw new UserError(`\`nixpkgs\` is ${path}, which has no default.nix; name the folder of a package set.`)
}
