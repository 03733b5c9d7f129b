import type { NarHash } from './nar-hash.ts'

/** The source of packages, as the `nixpkgs` input names it. A hash is `sha256-…`, of the files as a NAR. */
export type SourceReference =
  | { readonly type: 'channel'; readonly channel: string }
  /** A commit of NixOS/nixpkgs. */
  | { readonly type: 'nixpkgs'; readonly revision: string; readonly narHash: NarHash | undefined }
  | { readonly type: 'github'; readonly owner: string; readonly repo: string; readonly ref: string }
  | {
      readonly type: 'git'
      readonly url: string
      readonly ref: string | undefined
      readonly revision: string | undefined
    }
  | { readonly type: 'tarball'; readonly url: string; readonly narHash: NarHash | undefined }
  | { readonly type: 'path'; readonly path: string }
  /** An input of a `flake.lock`. */
  | { readonly type: 'lock'; readonly file: string; readonly input: string }
