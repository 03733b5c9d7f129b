import { join } from 'node:path'
import { UserError } from '../lib/error.ts'
import { exists } from '../lib/exists.ts'

/** Throws a `UserError` if the folder `path` has no default.nix, which says what to write for a flake. */
export const checkPackageSet = async (path: string): Promise<void> => {
  const has = (name: string): Promise<boolean> => exists(join(path, name))
  if (await has('default.nix')) return
  if (!(await has('flake.nix')))
    throw new UserError(`\`nixpkgs\` is ${path}, which has no default.nix; name the folder of a package set.`)
  const lock = (await has('flake.lock'))
    ? `write \`nixpkgs: ${join(path, 'flake.lock')}\` for the nixpkgs that the flake has locked, or `
    : ''
  throw new UserError(
    `\`nixpkgs\` is ${path}, which has a flake.nix and no default.nix; ${lock}add a default.nix that takes \`{ system, ... }\` and returns a set of packages.`,
  )
}
