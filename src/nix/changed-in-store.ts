import { UserError } from '../lib/error.ts'

/**
 * The error for a store path that is not what Nix put there. `difference` is a clause that says what it is, and what it
 * should be.
 */
export const changedInStore = (path: string, difference: string): UserError =>
  new UserError(
    `${path} is not what Nix put into the store: ${difference}, so something on this machine has changed it, such as a package that was built without a sandbox; run \`nix-store --verify --check-contents --repair\` as root, and then the job again.`,
  )
