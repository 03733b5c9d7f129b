import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { debianSet } from './debian-set.ts'
import { nixConfigFolder } from './nix-places.ts'
import { newestNix } from './nix-release.ts'

/** Before all tests: Nix's configuration, the newest Nix, and the package set made of Debian packages. */
export default async (): Promise<void> => {
  await prepareNixConfig()
  await Promise.all([debianSet(), newestNix()])
}

export const prepareNixConfig = async (): Promise<void> => {
  await mkdir(nixConfigFolder, { recursive: true })
  const lines = ['sandbox = false', 'build-users-group =', 'substituters =', 'max-jobs = auto']
  await writeFile(join(nixConfigFolder, 'nix.conf'), `${lines.join('\n')}\n`)
}
