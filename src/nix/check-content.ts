import { UserError } from '../lib/error.ts'
import { hashNar } from './nar.ts'
import type { NarHash } from './nar-hash.ts'
import type { StorePath } from './store-path.ts'

/**
 * Throws a `UserError` if the content of a path in the store has another hash than `narHash`. Nix checks a path only
 * when it makes it. Later it trusts its database, even if somebody has written to the path since.
 */
export const checkContent = (path: StorePath, narHash: NarHash): void => {
  const found = hashNar(path)
  if (found !== narHash)
    throw new UserError(
      `${path} should have the content ${narHash}, but was changed to ${found}; run \`nix-store --verify --check-contents --repair\` on this machine.`,
    )
}
