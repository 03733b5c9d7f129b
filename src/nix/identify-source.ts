import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../lib/clock.ts'
import { UserError } from '../lib/error.ts'
import { exists } from '../lib/exists.ts'
import type { Job } from '../lib/job.ts'
import { readTextFile } from '../lib/read-text-file.ts'
import { shownUrl, urlSecrets } from '../lib/url-secrets.ts'
import { checkPackageSet } from './check-package-set.ts'
import { downloadText } from './download.ts'
import { endedChannel } from './ended-channel.ts'
import type { Endpoints } from './endpoints.ts'
import { ignoredByGit } from './ignored-by-git.ts'
import { readLocalGit } from './local-git.ts'
import { lockedInput } from './lock-file.ts'
import { hashNar } from './nar.ts'
import type { NarHash } from './nar-hash.ts'
import type { GithubAccess } from './private-archive.ts'
import { remoteRevision } from './remote-git.ts'
import type { SourceIdentity } from './source.ts'
import type { SourceReference } from './source-reference.ts'

type IdentifyJob = Pick<Job, 'environment' | 'log' | 'secret' | 'signal' | 'temporary'>

type GitSource = Pick<Extract<SourceReference, { type: 'git' }>, 'url' | 'ref' | 'revision'>

/**
 * Finds out what a source is now, without Nix and without fetching it. Masks possible secrets in its URL, since a lock
 * file can name any URL. Throws a `UserError` that names a source which does not exist or cannot be read.
 */
export const identifySource = async (
  source: SourceReference,
  access: GithubAccess,
  job: IdentifyJob,
): Promise<SourceIdentity> => {
  tellEnded(job, source)
  const identity = await identify(source, access, job)
  if (identity.fetch.by === 'tarball') urlSecrets(identity.fetch.url).forEach(job.secret)
  return identity
}

const tellEnded = ({ log }: IdentifyJob, source: SourceReference, lockFile?: string): void => {
  const ended = endedChannel(source, systemClock.wallClock(), lockFile)
  if (ended) log.notice(ended)
}

const identify = async (source: SourceReference, access: GithubAccess, job: IdentifyJob): Promise<SourceIdentity> => {
  const { endpoints } = access
  switch (source.type) {
    case 'channel':
      return nixpkgs(await channelRevision(source.channel, access, job), undefined, endpoints, ` (${source.channel})`)
    case 'nixpkgs':
      return nixpkgs(source.revision, source.narHash, endpoints)
    case 'github': {
      const { owner, repo } = source
      const revision = await githubRevision(source, access, job)
      return {
        ...tarball(`${endpoints.github}/${owner}/${repo}/archive/${revision}.tar.gz`, undefined),
        type: 'github',
        revision,
        describe: (narHash) => `github:${owner}/${repo} at ${revision}, ${narHash}`,
      }
    }
    case 'git':
      return isLocal(source.url) ? localGit(source, job) : remoteGit(source, job)
    case 'tarball':
      return tarball(source.url, source.narHash)
    case 'path':
      return folder(source.path, job)
    case 'lock':
      return locked(source.file, source.input, access, job)
  }
}

const nixpkgs = (
  revision: string,
  claimed: NarHash | undefined,
  { github }: Endpoints,
  channel = '',
): SourceIdentity => {
  const url = `${github}/NixOS/nixpkgs/archive/${revision}.tar.gz`
  return {
    type: 'nixpkgs',
    url,
    revision,
    narHash: undefined,
    claimed,
    describe: (narHash) => `nixpkgs at ${revision}${channel}, ${narHash}`,
    fetch: { by: 'tarball', url, srcType: 'nixpkgs' },
  }
}

const tarball = (url: string, claimed: NarHash | undefined): SourceIdentity => {
  const shown = shownUrl(url)
  return {
    type: 'tarball',
    url: shown,
    revision: undefined,
    narHash: undefined,
    claimed,
    describe: (narHash) => `${shown}, ${narHash}`,
    fetch: { by: 'tarball', url, srcType: 'tarball' },
  }
}

const git = (
  url: string,
  ref: string | undefined,
  rev: string | undefined,
  revision: string | undefined,
): SourceIdentity => ({
  type: 'git',
  url,
  revision,
  narHash: undefined,
  claimed: undefined,
  describe: (narHash, commit) => `${url} at ${commit ?? 'its working tree'}, ${narHash}`,
  fetch: { by: 'git', url, ref, rev },
})

const isLocal = (url: string): boolean => url.startsWith('file:')

const remoteGit = async (source: GitSource, job: IdentifyJob): Promise<SourceIdentity> =>
  git(source.url, source.ref, source.revision, source.revision ?? (await remoteRevision(source.url, source.ref, job)))

/**
 * The identity of a working tree is the content of its files. Neither git nor Nix uses the repository's own
 * configuration.
 */
const localGit = async ({ url, ref, revision: rev }: GitSource, job: IdentifyJob): Promise<SourceIdentity> => {
  const found = await readLocalGit(url, ref, rev, job)
  const { revision } = found
  const identity = git(url, ref, rev, revision)
  if (found.type === 'commit') return { ...identity, fetch: { by: 'local-git', url, revision: found.revision } }
  const { path, ignored } = found
  return { ...identity, narHash: hashFolder(path, ignored), fetch: { by: 'path', path, ignored } }
}

const folder = async (path: string, job: IdentifyJob): Promise<SourceIdentity> => {
  if (!(await exists(path)))
    throw new UserError(
      `\`nixpkgs\` is ${path}, which does not exist; check the path, and that actions/checkout ran before this step.`,
    )
  await checkPackageSet(path)
  // Nix would copy a link as a link.
  const real = await realpath(path)
  const ignored = await ignoredByGit(real, job)
  return {
    type: 'path',
    url: `file://${path}`,
    revision: undefined,
    narHash: hashFolder(real, ignored),
    claimed: undefined,
    describe: (narHash) => `${path} with the content ${narHash}`,
    fetch: { by: 'path', path: real, ignored },
  }
}

const hashFolder = (path: string, ignored: readonly string[]): NarHash => {
  const leftOut = new Set(ignored.map((name) => join(path, name)))
  return hashNar(path, (file) => file.endsWith('/.git') || leftOut.has(file))
}

const locked = async (
  file: string,
  input: string,
  { endpoints }: GithubAccess,
  job: IdentifyJob,
): Promise<SourceIdentity> => {
  const text = await readTextFile(file).catch((cause) => {
    throw new UserError(
      `\`nixpkgs\` is ${file}, which cannot be read (${cause.code}); check the path, and that actions/checkout ran before this step.`,
      { cause },
    )
  })
  const { type, url, revision, ref, narHash, original } = lockedInput(text, file, input, endpoints)
  if (original) tellEnded(job, original, file)
  const identity =
    type === 'tarball'
      ? tarball(url, narHash)
      : isLocal(url)
        ? await localGit({ url, ref: undefined, revision }, job)
        : git(url, ref, revision, revision)
  return {
    ...identity,
    revision,
    claimed: narHash,
    describe: (hash, commit) => `${identity.describe(hash, commit)}, as ${file} says`,
  }
}

const channelRevision = async (
  channel: string,
  { endpoints }: GithubAccess,
  { signal }: IdentifyJob,
): Promise<string> => {
  const url = `${endpoints.channels}/${channel}/git-revision`
  const revision = await downloadText(url, { signal }).catch((cause) => {
    throw new UserError(`\`nixpkgs\` is ${channel}, which is no channel that can be read: ${cause.message}`, { cause })
  })
  return commitIn(revision, url)
}

/** Source: GitHub's REST API, "Get a commit", with the media type that gives only its SHA. */
const githubRevision = async (
  { owner, repo, ref }: { owner: string; repo: string; ref: string },
  { endpoints, githubToken }: GithubAccess,
  { signal }: IdentifyJob,
): Promise<string> => {
  if (/^[0-9a-f]{40}$/.test(ref)) return ref
  const url = `${endpoints.githubApi}/repos/${owner}/${repo}/commits/${ref.split('/').map(encodeURIComponent).join('/')}`
  const headers = {
    accept: 'application/vnd.github.sha',
    ...(githubToken && endpoints.ownGithub === endpoints.github && { authorization: `Bearer ${githubToken}` }),
  }
  return commitIn(await downloadText(url, { signal, headers }), url)
}

const commitIn = (text: string, url: string): string => {
  if (!/^[0-9a-f]{40}$/.test(text))
    throw new UserError(`${url} answers no commit; write one into \`nixpkgs\`, 40 hex digits.`)
  return text
}
