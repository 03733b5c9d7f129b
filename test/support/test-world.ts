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
  // The host's programs are what the package sets of the tests build with, also in a sandbox.
  const host = 'sandbox-paths = /bin /lib /lib64 /usr'
  const lines = ['sandbox = false', host, 'build-users-group =', 'substituters =', 'max-jobs = auto']
  await writeFile(join(nixConfigFolder, 'nix.conf'), `${lines.join('\n')}\n`)
}
