import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../error.ts'
import { exists } from '../exists.ts'
import type { Source } from '../inputs/source.ts'
import { addPackageSet, fetchGit, fetchTarball } from './add-to-store.ts'
import { downloadText } from './download.ts'
import type { Endpoints } from './endpoints.ts'
import { explainNix } from './explain.ts'
import { lockedInput } from './lock-file.ts'
import type { Nix } from './nix.ts'

/**
 * A source with the hash of its content. `srcType` and `srcArgs` are the arguments of `nix/load-pkgs.nix`; `description` is
 * for people.
 */
export type PinnedSource = {
  readonly type: 'nixpkgs' | 'github' | 'git' | 'path' | 'tarball'
  readonly url: string
  readonly revision: string | undefined
  readonly narHash: string
  readonly srcType: 'nixpkgs' | 'git' | 'path' | 'tarball'
  readonly srcArgs: Readonly<Record<string, string>>
  readonly description: string
}

export type SourceTools = {
  readonly nix: Nix
  readonly endpoints: Endpoints
  readonly signal: AbortSignal
  /** A folder that only this run can read. */
  readonly temporary: string
  readonly githubToken: string | undefined
  /** For git, besides Nix. */
  readonly environment: Readonly<Record<string, string>>
}

/** Finds out what a source is now, and pins it. Throws a `UserError` that names what is not there or cannot be fetched. */
export const pinSource = async (source: Source, tools: SourceTools): Promise<PinnedSource> => {
  const { endpoints, nix } = tools
  switch (source.type) {
    case 'channel':
      return pinNixpkgs(await channelRevision(source.channel, tools), undefined, tools, ` (${source.channel})`)
    case 'nixpkgs':
      return pinNixpkgs(source.revision, source.narHash, tools)
    case 'github': {
      const { owner, repo } = source
      const revision = await githubRevision(source, tools)
      const url = `${endpoints.github}/${owner}/${repo}/archive/${revision}.tar.gz`
      const pinned = await pinTarball(url, undefined, nix)
      return {
        ...pinned,
        type: 'github',
        revision,
        description: `github:${owner}/${repo} at ${revision}, ${pinned.narHash}`,
      }
    }
    case 'git':
      return pinGit(source.url, source.ref, source.revision, nix)
    case 'tarball':
      return pinTarball(source.url, source.narHash, nix)
    case 'path':
      return pinPath(source.path, tools)
    case 'lock':
      return pinLocked(source.file, source.input, tools)
  }
}

const pinNixpkgs = async (
  revision: string,
  knownHash: string | undefined,
  { nix, endpoints }: SourceTools,
  name = '',
): Promise<PinnedSource> => {
  const url = `${endpoints.github}/NixOS/nixpkgs/archive/${revision}.tar.gz`
  const pinned = await pinTarball(url, knownHash, nix)
  const description = `nixpkgs at ${revision}${name}, ${pinned.narHash}`
  return { ...pinned, type: 'nixpkgs', srcType: 'nixpkgs', revision, description }
}

/** With a hash there is nothing to find out; it is downloaded when it is evaluated, unless the store has it. */
const pinTarball = async (url: string, knownHash: string | undefined, nix: Nix): Promise<PinnedSource> => {
  // What stands behind the question mark may be a secret.
  const shown = url.replace(/\?.*/s, '')
  const narHash = knownHash ?? (await fetching(shown, fetchTarball(nix, url))).narHash
  const srcArgs = { url, sha256: narHash }
  return {
    type: 'tarball',
    url: shown,
    revision: undefined,
    narHash,
    srcType: 'tarball',
    srcArgs,
    description: `${shown}, ${narHash}`,
  }
}

const pinGit = async (
  url: string,
  ref: string | undefined,
  rev: string | undefined,
  nix: Nix,
): Promise<PinnedSource> => {
  const { path, narHash, revision } = await fetching(url, fetchGit(nix, url, ref, rev))
  const description = `${url} at ${revision ?? 'its working tree'}, ${narHash}`
  return { type: 'git', url, revision, narHash, srcType: 'git', srcArgs: { path, narHash }, description }
}

const pinPath = async (path: string, { nix, temporary, environment, signal }: SourceTools): Promise<PinnedSource> => {
  if (!(await exists(path)))
    throw new UserError(
      `\`nixpkgs\` is ${path}, which does not exist; check the path, and that actions/checkout ran before this step.`,
    )
  if (!(await exists(join(path, 'default.nix'))))
    throw new UserError(`\`nixpkgs\` is ${path}, which has no default.nix; name the folder of a package set.`)
  // A link would be copied as a link.
  const stored = await addPackageSet(nix, await realpath(path), temporary, { environment, signal }).catch((error) => {
    throw explainNix(error, `${path} cannot be copied into the Nix store`)
  })
  const description = `${path} with the content ${stored.narHash}`
  const { narHash } = stored
  return {
    type: 'path',
    url: `file://${path}`,
    revision: undefined,
    narHash,
    srcType: 'path',
    srcArgs: stored,
    description,
  }
}

const pinLocked = async (file: string, input: string, tools: SourceTools): Promise<PinnedSource> => {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new UserError(
      `\`nixpkgs\` is ${file}, which cannot be read (${cause.code}); check the path, and that actions/checkout ran before this step.`,
      { cause },
    )
  })
  const { type, url, revision, narHash } = lockedInput(text, file, input, tools.endpoints.github)
  const pinned =
    type === 'git' ? await pinGit(url, undefined, revision, tools.nix) : await pinTarball(url, narHash, tools.nix)
  if (pinned.narHash !== narHash)
    throw new UserError(
      `\`nixpkgs\` is ${file}#${input}, which is locked to ${narHash}, but what is fetched is ${pinned.narHash}; lock it again with \`nix flake update\`.`,
    )
  return { ...pinned, revision, description: `${pinned.description}, as ${file} says` }
}

const channelRevision = async (channel: string, { endpoints, signal }: SourceTools): Promise<string> => {
  const url = `${endpoints.channels}/${channel}/git-revision`
  const revision = await downloadText(url, { signal }).catch((cause) => {
    throw new UserError(`\`nixpkgs\` is ${channel}, which is no channel that can be read: ${cause.message}`, { cause })
  })
  return commitIn(revision, url)
}

/** Source: GitHub's REST API, "Get a commit", with the media type that gives only its SHA. */
const githubRevision = async (
  { owner, repo, ref }: { owner: string; repo: string; ref: string },
  { endpoints, githubToken, signal }: SourceTools,
): Promise<string> => {
  if (/^[0-9a-f]{40}$/.test(ref)) return ref
  const url = `${endpoints.githubApi}/repos/${owner}/${repo}/commits/${ref.split('/').map(encodeURIComponent).join('/')}`
  const headers = {
    accept: 'application/vnd.github.sha',
    ...(githubToken && { authorization: `Bearer ${githubToken}` }),
  }
  return commitIn(await downloadText(url, { signal, headers }), url)
}

const commitIn = (text: string, url: string): string => {
  if (!/^[0-9a-f]{40}$/.test(text))
    throw new UserError(`${url} answers no commit; write one into \`nixpkgs\`, 40 hex digits.`)
  return text
}

const fetching = <T>(url: string, work: Promise<T>): Promise<T> =>
  work.catch((error) => {
    throw explainNix(error, `${url} cannot be fetched`)
  })
