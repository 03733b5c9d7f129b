import { createHash } from 'node:crypto'
import type { SourceIdentity } from '../nix/source.ts'

/**
 * The key of the record of a source that a run has fetched and hashed: 64 hex digits made of its URL and revision.
 * `undefined` for a path on this machine, and for a Git repository without a revision: that may be another one every
 * time and has no hash to compare with.
 */
export const sourceKey = ({ fetch, revision }: SourceIdentity): string | undefined => {
  if (fetch.by === 'path' || (fetch.by === 'git' && revision === undefined)) return undefined
  // A query may hold a secret, so the key is a hash.
  return createHash('sha256')
    .update(JSON.stringify([fetch.by, fetch.url, revision ?? null]))
    .digest('hex')
}

/** A source as it is written, with everything that can be said of it before its content is known. */
export const sourceAsWritten = (source: SourceIdentity): string => {
  const { fetch, revision, claimed, narHash } = source
  return fetch.by === 'path' ? `${narHash}` : JSON.stringify([fetch.by, fetch.url, revision ?? null, claimed ?? null])
}
