import { createHash } from 'node:crypto'
import { type NarHash, narHashHex, toBase32 } from './nar-hash.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/** The length of a store path's digest in bytes. */
const digestLength = 20

/**
 * The store path of a folder with this content and the name `source`, as fetchers and `builtins.path` compute it.
 * Source: the Nix manual, "Complete Store Path Calculation"; the method is `recursive`, with SHA-256 and without
 * references.
 */
export const sourceStorePath = (narHash: NarHash): StorePath => {
  const hash = createHash('sha256')
    .update(`source:sha256:${narHashHex(narHash)}:/nix/store:source`)
    .digest()
  const digest = Buffer.alloc(digestLength)
  for (const [index, byte] of hash.entries()) digest[index % digestLength] = (digest[index % digestLength] ?? 0) ^ byte
  return parseStorePath(`/nix/store/${toBase32(digest)}-source`, 'the path of a source')
}
