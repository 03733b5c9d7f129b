import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { debianSet } from './debian-set.ts'
import { nixConfigFolder } from './nix-places.ts'
import { newestNix } from './nix-release.ts'

/** Prepares all tests: Nix's configuration, the newest Nix, and the package set made of Debian packages. */
export default async (): Promise<void> => {
  await prepareNixConfig()
  await Promise.all([told('the package set', debianSet()), told('the newest Nix', newestNix())])
}

/** The first time, these take minutes without any other output; later, almost no time. */
const told = async (title: string, work: Promise<unknown>): Promise<void> => {
  const start = performance.now()
  const timer = setTimeout(() => console.log(`Making ${title} of Debian packages, in .cache/test-world …`), 2_000)
  await work.finally(() => clearTimeout(timer))
  const seconds = (performance.now() - start) / 1000
  if (seconds > 2) console.log(`${title}: there after ${seconds.toFixed(0)} s`)
}

export const prepareNixConfig = async (): Promise<void> => {
  await mkdir(nixConfigFolder, { recursive: true })
  // The package sets of the tests build with the host's programs, also in a sandbox.
  const host = 'sandbox-paths = /bin /lib /lib64 /usr'
  const lines = ['sandbox = false', host, 'build-users-group =', 'substituters =', 'max-jobs = auto']
  await writeFile(join(nixConfigFolder, 'nix.conf'), `${lines.join('\n')}\n`)
}
