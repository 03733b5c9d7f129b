import { delimiter, join } from 'node:path'

/** What is made once for all tests, and stays from one run to the next. */
export const testWorld = join(import.meta.dirname, '..', '..', '.cache', 'test-world')

/** `NIX_CONF_DIR` of every Nix in the tests: no daemon, no build users, nothing from outside. */
export const nixConfigFolder = join(testWorld, 'nix')

/** A link to the newest Nix that Debian has. */
export const newestNixLink = join(testWorld, 'nix-release', 'nix')

/** What `sandbox` says for what is built in this process. */
export const testSandbox = (): 'require' | 'off' => (process.env['TEST_SANDBOX'] === 'require' ? 'require' : 'off')

/**
 * The PATH with the Nix to test with first: the distribution's, or the newest where the test project `newest Nix` runs.
 */
export const pathWithNix = (): string => {
  const path = process.env['PATH'] ?? ''
  return process.env['TEST_NIX'] === 'newest' ? [join(newestNixLink, 'bin'), path].join(delimiter) : path
}
