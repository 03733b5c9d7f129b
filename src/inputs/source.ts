import { resolve } from 'node:path'
import { isLoopback } from '../lib/loopback.ts'
import { isNarHash } from '../nix/nar-hash.ts'
import pins from '../nix/pins.json' with { type: 'json' }
import type { SourceReference } from '../nix/source-reference.ts'
import { type Problem, quoted } from './problem.ts'

const forms = `write a channel (\`${pins.nixpkgs.channel}\`), a commit of nixpkgs (40 hex digits), \`github:owner/repo/ref\`, \`git+https://…\`, the URL of a tarball, a path (\`./nix\`), or \`flake.lock\``

const revision = /^[0-9a-f]{40}$/
const channel = /^(nixos|nixpkgs)-[a-z0-9.-]+$/
const github = /^github:([A-Za-z0-9_.-]+)\/([A-Za-z0-9_.-]+)\/([A-Za-z0-9_./-]+)$/
const lock = /(^|\/)flake\.lock$/

/** Reads the `nixpkgs` input; relative paths start at the workspace. */
export const parseSource = (text: string, workspace: string, problem: Problem): SourceReference => {
  const wrong = (why: string): SourceReference => {
    problem(`\`nixpkgs\` is ${quoted(text)}${why}; ${forms}.`)
    return { type: 'path', path: workspace }
  }
  const [before = '', fragment] = text.split(/#(.*)/s)
  const path = resolve(workspace, before)

  if (lock.test(before)) return { type: 'lock', file: path, input: fragment || 'nixpkgs' }
  if (/^(git\+)?[a-z]+:\/\//.test(before)) return parseUrl(before, fragment) ?? wrong(urlFault(before, fragment))
  if (revision.test(before)) {
    if (fragment !== undefined && !isNarHash(fragment)) return wrong(', whose hash is not of the form `sha256-…=`')
    return { type: 'nixpkgs', revision: before, narHash: fragment }
  }
  if (fragment !== undefined) return wrong(', where nothing can follow `#`')
  const [, owner, repo, ref] = github.exec(before) ?? []
  if (owner && repo && ref) return { type: 'github', owner, repo, ref }
  if (/^(\.\.?(\/|$)|\/)/.test(before)) return { type: 'path', path }
  if (channel.test(before)) return { type: 'channel', channel: before }
  return wrong('')
}

const parseUrl = (text: string, fragment: string | undefined): SourceReference | undefined => {
  if (urlFault(text, fragment)) return undefined
  if (!text.startsWith('git+'))
    return { type: 'tarball', url: text, narHash: fragment !== undefined && isNarHash(fragment) ? fragment : undefined }
  const url = new URL(text.slice('git+'.length))
  const ref = url.searchParams.get('ref') ?? undefined
  const rev = url.searchParams.get('rev') ?? undefined
  url.search = ''
  return { type: 'git', url: url.href, ref, revision: rev }
}

/** A clause that says what is wrong with a URL, to follow it in a sentence; empty if the URL is right. */
const urlFault = (text: string, fragment: string | undefined): string => {
  const isGit = text.startsWith('git+')
  const url = URL.parse(isGit ? text.slice('git+'.length) : text)
  if (!url) return ', which is no URL'
  // In an ssh URL, a user is part of the address and no secret.
  if (url.password || (url.username && url.protocol !== 'ssh:'))
    return `, which holds a user or password; ${isGit ? 'use ssh with a key' : '`github:owner/repo/ref` uses `github-token`, and a netrc file can be named in `nix-config`'}`
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return ', which anybody on the way can change; use https'
  if (isGit) {
    const rev = url.searchParams.get('rev')
    const other = [...url.searchParams.keys()].find((name) => name !== 'ref' && name !== 'rev')
    // A name without a value may be a token.
    if (other !== undefined) return `, whose ${url.searchParams.get(other) ? `\`${other}\`` : 'query'} is not supported`
    if (!['https:', 'http:', 'ssh:', 'file:'].includes(url.protocol)) return ', which is no URL of git'
    if (fragment !== undefined) return ', where nothing can follow `#`'
    return rev !== null && !revision.test(rev) ? ', whose `rev` is no commit of 40 hex digits' : ''
  }
  if (!['https:', 'http:'].includes(url.protocol)) return ', which is no URL of a tarball'
  if (!/\.(tar|tgz|tar\.(gz|xz|bz2|zst))$/.test(url.pathname))
    return ', which does not end like a tarball, as in `.tar.gz`'
  return fragment === undefined || isNarHash(fragment) ? '' : ', whose hash is not of the form `sha256-…=`'
}
