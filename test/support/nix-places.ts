import { delimiter, join } from 'node:path'

/** The folder for things that are made once for all tests, and kept from one run to the next. */
export const testWorld = join(import.meta.dirname, '..', '..', '.cache', 'test-world')

/** `NIX_CONF_DIR` of every Nix in the tests: no daemon, no build users, nothing from outside. */
export const nixConfigFolder = join(testWorld, 'nix')

/** A link to the newest Nix in Debian. */
export const newestNixLink = join(testWorld, 'nix-release', 'nix')

/** The input `sandbox` for builds in this process. */
export const testSandbox = (): 'require' | 'off' => (process.env['TEST_SANDBOX'] === 'require' ? 'require' : 'off')

/** The PATH with the tested Nix in front: the distribution's, or the newest one in the test project `newest Nix`. */
export const pathWithNix = (): string => {
  const path = process.env['PATH'] ?? ''
  return process.env['TEST_NIX'] === 'newest' ? [join(newestNixLink, 'bin'), path].join(delimiter) : path
}
