import { UserError } from '../error.ts'
import type { Nix } from './nix.ts'
import type { StorePath } from './store-path.ts'

/** So many paths keep well below the length that Linux allows for the arguments of a process. */
const perProcess = 5000

/**
 * Throws a `UserError` that names a path which Nix's database does not call valid. What lies there then may be anything, as
 * where an import was refused or a deletion broke off.
 */
export const checkValidity = async (paths: readonly StorePath[], nix: Nix): Promise<void> => {
  for (let start = 0; start < paths.length; start += perProcess) {
    const batch = paths.slice(start, start + perProcess)
    const [invalid] = (await nix('nix-store', ['--check-validity', '--print-invalid', ...batch])).split('\n')
    if (invalid)
      throw new UserError(
        `${invalid} is needed by the packages, but is not valid in Nix's database, so nobody knows what is in it; run \`nix-store --verify --check-contents --repair\` on this machine.`,
      )
  }
}
