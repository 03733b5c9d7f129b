import { UserError } from '../error.ts'

/** Says that a store path is not what Nix put there; `found` and `expected` are its hashes. */
export const changedInStore = (path: string, found: string, expected: string | undefined): UserError =>
  new UserError(
    `${path} is not what Nix put into the store: its hash is ${found} and not ${expected}, so something on this machine has changed it, such as a package that was built without a sandbox; run \`nix-store --verify --check-contents --repair\` as root, and then the job again.`,
  )
