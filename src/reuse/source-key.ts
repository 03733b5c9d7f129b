import { createHash } from 'node:crypto'
import type { SourceIdentity } from '../nix/source.ts'

/**
 * What a source is found again by that a run has fetched and hashed, 64 hex digits: its URL with its revision.
 * `undefined` of what can be another one every time and has no hash to compare with, and of what is on this machine.
 */
export const sourceKey = ({ fetch, revision }: SourceIdentity): string | undefined => {
  if (fetch.by === 'path' || (fetch.by === 'git' && revision === undefined)) return undefined
  // As a hash, since a query may hold a secret.
  return createHash('sha256')
    .update(JSON.stringify([fetch.by, fetch.url, revision ?? null]))
    .digest('hex')
}

/** A source as it is written, with all that can be said of it before anything is known of its content. */
export const sourceAsWritten = (source: SourceIdentity): string => {
  const { fetch, revision, claimed, narHash } = source
  return fetch.by === 'path' ? `${narHash}` : JSON.stringify([fetch.by, fetch.url, revision ?? null, claimed ?? null])
}
