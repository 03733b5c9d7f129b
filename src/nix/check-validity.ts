import { UserError } from '../lib/error.ts'
import { type Nix, perProcess } from './nix.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/**
 * Throws a `UserError` that names a path which is not valid in Nix's database. Such a path may have any content, for
 * example after a refused import or an interrupted deletion.
 */
export const checkValidity = async (paths: readonly StorePath[], nix: Nix): Promise<void> => {
  const [invalid] = await invalidPaths(paths, nix)
  if (invalid)
    throw new UserError(
      `${invalid} is needed by the packages, but is not valid in Nix's database, so nobody knows what is in it; run \`nix-store --verify --check-contents --repair\` on this machine.`,
    )
}

/** The paths that are not valid in Nix's database. */
export const invalidPaths = async (paths: readonly StorePath[], nix: Nix): Promise<StorePath[]> => {
  const invalid: string[] = []
  for (let start = 0; start < paths.length; start += perProcess)
    invalid.push(
      ...(await nix('nix-store', ['--check-validity', '--print-invalid', ...paths.slice(start, start + perProcess)]))
        .split('\n')
        .filter((line) => line !== ''),
    )
  return invalid.map((path) => parseStorePath(path, 'a path that is not valid'))
}
