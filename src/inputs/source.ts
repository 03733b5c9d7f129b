import { isAbsolute, join } from 'node:path'
import type { Problem } from './problem.ts'

/** Where packages come from, as the `nixpkgs` input says it. */
export type Source =
  | { readonly type: 'path'; readonly path: string }
  /** A commit of NixOS/nixpkgs and the SHA-256 of its files as a NAR. */
  | { readonly type: 'nixpkgs'; readonly revision: string; readonly narHash: string }

const sha256 = '(sha256-[A-Za-z0-9+/]{43}=)'
const commit = new RegExp(`^([0-9a-f]{40})#${sha256}$`)

export const parseSource = (text: string, workspace: string, problem: Problem): Source => {
  const [, revision, narHash] = commit.exec(text) ?? []
  if (revision && narHash) return { type: 'nixpkgs', revision, narHash }
  if (isAbsolute(text)) return { type: 'path', path: text }
  if (/^\.\.?(\/|$)/.test(text)) return { type: 'path', path: join(workspace, text) }
  problem(
    `\`nixpkgs\` is ${JSON.stringify(text)}, which is not supported yet; write a path, as in \`./nix\`, or a commit with its hash, as in \`<40 hex digits>#sha256-…\`.`,
  )
  return { type: 'path', path: workspace }
}
