import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..', '..', '.cache', 'test-world')

/** `NIX_CONF_DIR` of every Nix in the tests: no daemon, no build users, nothing from outside. */
export const nixConfigFolder = join(folder, 'nix')

/** Before all tests: Nix's configuration and the package set made of Debian packages. */
export default async (): Promise<void> => {
  await mkdir(nixConfigFolder, { recursive: true })
  await writeFile(
    join(nixConfigFolder, 'nix.conf'),
    ['sandbox = false', 'build-users-group =', 'substituters =', 'max-jobs = auto', ''].join('\n'),
  )
}
