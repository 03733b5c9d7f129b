import type { NarHash } from './nar-hash.ts'

/** A source with the hash of its content; `description` is for people. */
export type PinnedSource = {
  readonly type: 'nixpkgs' | 'github' | 'git' | 'path' | 'tarball'
  /** Without the parts that may be secret. */
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

/** The present state of a source, as far as it is known before the source is fetched. */
export type SourceIdentity = Pick<PinnedSource, 'type' | 'url' | 'revision'> & {
  /**
   * The hash of the content, if it is known without fetching: it was computed from the files, or an earlier run of this
   * action has fetched the same.
   */
  readonly narHash: NarHash | undefined
  /** The hash that the user or a lock file gives. The fetched source must have it; before that it proves nothing. */
  readonly claimed: NarHash | undefined
  /** Makes the description, once the hash is known. */
  readonly describe: (narHash: NarHash, revision: string | undefined) => string
  readonly fetch:
    | { readonly by: 'tarball'; readonly url: string; readonly srcType: 'nixpkgs' | 'tarball' }
    | { readonly by: 'git'; readonly url: string; readonly ref: string | undefined; readonly rev: string | undefined }
    /** A commit of a repository on this machine. */
    | { readonly by: 'local-git'; readonly url: string; readonly revision: string }
    /** `ignored` is relative to the path. */
    | { readonly by: 'path'; readonly path: string; readonly ignored: readonly string[] }
}

/** The same with the results of fetching it: a branch may have moved since its commit was looked up. */
export const refined = (
  identity: SourceIdentity,
  { revision, narHash }: Pick<PinnedSource, 'revision' | 'narHash'>,
): SourceIdentity => ({ ...identity, revision, narHash })

/** The source with its hash. Throws an `Error` if the hash is not known. */
export const pinned = ({ type, url, revision, narHash, describe }: SourceIdentity): PinnedSource => {
  if (narHash === undefined) throw new Error(`Nobody knows what ${url} holds`)
  return { type, url, revision, narHash, description: describe(narHash, revision) }
}
