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
  /**
   * The hash of the content, where it is known without fetching: it was computed from the files, or a run of this
   * action has fetched the same before.
   */
  readonly narHash: NarHash | undefined
  /** The hash that the user or a lock file gives. What is fetched must have it; nothing is believed by it. */
  readonly claimed: NarHash | undefined
  /** The rest of the description, once the hash is known. */
  readonly describe: (narHash: NarHash, revision: string | undefined) => string
  readonly fetch:
    | { readonly by: 'tarball'; readonly url: string; readonly srcType: 'nixpkgs' | 'tarball' }
    | { readonly by: 'git'; readonly url: string; readonly ref: string | undefined; readonly rev: string | undefined }
    /** A commit of a repository on this machine. */
    | { readonly by: 'local-git'; readonly url: string; readonly revision: string }
    /** `ignored` is relative to the path. */
    | { readonly by: 'path'; readonly path: string; readonly ignored: readonly string[] }
}

/** The same with what was found out when it was fetched: a branch may have moved on since it was asked for. */
export const refined = (
  identity: SourceIdentity,
  { revision, narHash }: Pick<PinnedSource, 'revision' | 'narHash'>,
): SourceIdentity => ({ ...identity, revision, narHash })

/** The source with its hash. Throws an `Error` if that is not known. */
export const pinned = ({ type, url, revision, narHash, describe }: SourceIdentity): PinnedSource => {
  if (narHash === undefined) throw new Error(`Nobody knows what ${url} holds`)
  return { type, url, revision, narHash, description: describe(narHash, revision) }
}
