import type { NarHash } from './nar-hash.ts'

/** A source with the hash of its content; `description` is for people. */
export type PinnedSource = {
  readonly type: 'nixpkgs' | 'github' | 'git' | 'path' | 'tarball'
  /** Without what may be secret in it. */
  readonly url: string
  readonly revision: string | undefined
  readonly narHash: NarHash
  readonly description: string
}

/** A source that can be evaluated. `srcType` and `srcArgs` are the arguments of `nix/load-pkgs.nix`. */
export type FetchedSource = PinnedSource & {
  readonly srcType: 'nixpkgs' | 'git' | 'path' | 'tarball'
  readonly srcArgs: Readonly<Record<string, string>>
}

/** What a source is now, as far as that can be said before it is fetched. */
export type SourceIdentity = Pick<PinnedSource, 'type' | 'url' | 'revision'> & {
  /** Where it is known already, what is fetched must have it. */
  readonly narHash: NarHash | undefined
  /** The rest of the description, once the hash is known. */
  readonly describe: (narHash: NarHash, revision: string | undefined) => string
  readonly fetch:
    | { readonly by: 'tarball'; readonly url: string; readonly srcType: 'nixpkgs' | 'tarball' }
    | { readonly by: 'git'; readonly url: string; readonly ref: string | undefined; readonly rev: string | undefined }
    /** `ignored` is relative to the path. */
    | { readonly by: 'path'; readonly path: string; readonly ignored: readonly string[] }
}

/**
 * What stands for the content of a source: two with the same are the same. `undefined` if it is not known yet. A commit alone
 * does not: what a server packs of one may not be what git has, and a lock file may say anything.
 */
export const contentOf = ({ narHash, revision, url, fetch }: SourceIdentity): string | undefined =>
  narHash ?? (revision && `${fetch.by} ${url} ${revision}`)

/** The same with what was found out when it was fetched: a branch may have moved on since it was asked for. */
export const refined = (identity: SourceIdentity, { revision, narHash }: PinnedSource): SourceIdentity =>
  contentOf(identity) === undefined ? { ...identity, revision, narHash } : { ...identity, revision }

export const pinned = ({ type, url, revision, describe }: SourceIdentity, narHash: NarHash): PinnedSource => ({
  type,
  url,
  revision,
  narHash,
  description: describe(narHash, revision),
})
