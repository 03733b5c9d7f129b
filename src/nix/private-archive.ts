import { join } from 'node:path'
import { UserError } from '../lib/error.ts'
import { downloadFile, isPublic } from './download.ts'
import type { Endpoints } from './endpoints.ts'

/** The servers, and the token for the GitHub that the workflow runs on. */
export type GithubAccess = { readonly endpoints: Endpoints; readonly githubToken: string | undefined }

/** The path of an archive, or why it could not be downloaded. */
type PrivateArchive = { readonly file: string } | { readonly refusal: UserError }

/**
 * Downloads an archive of a private repository with the token, into `temporary`. Returns `undefined` if the URL is that
 * of something else, or if anybody may read it. The API gives archives for all kinds of tokens; the web server refuses
 * fine-grained ones and those of a job. A netrc file may open it, though, where the token does not. Source: GitHub's
 * REST API, "Download a repository archive (tar)".
 */
export const downloadPrivateArchive = async (
  url: string,
  { endpoints, githubToken }: GithubAccess,
  { signal, temporary }: { readonly signal: AbortSignal; readonly temporary: string },
): Promise<PrivateArchive | undefined> => {
  const archive = archiveOf(url, endpoints)
  if (!archive || !githubToken || (await isPublic(url, signal))) return undefined
  const file = join(temporary, 'archive.tar.gz')
  const headers = { accept: 'application/vnd.github+json', authorization: `Bearer ${githubToken}` }
  try {
    await downloadFile(archive.api, file, { signal, headers })
    return { file }
  } catch (cause) {
    signal.throwIfAborted()
    if (!(cause instanceof UserError)) throw cause
    if (!/answers 40[134]/.test(cause.message)) return { refusal: cause }
    const sentence = `${url} cannot be fetched: it is not there, or its repository is private and \`github-token\` may not read it; check the URL, or give the token of a GitHub App or a fine-grained one with \`contents: read\` for ${archive.repository}.`
    return { refusal: new UserError(sentence, { cause }) }
  }
}

/** Everybody may read it, so that no run needs to ask. */
const publicRepository = 'NixOS/nixpkgs'

/** `undefined` if the URL is not that of an archive on the GitHub of the workflow. */
const archiveOf = (
  url: string,
  endpoints: Endpoints,
): { readonly repository: string; readonly api: string } | undefined => {
  const { ownGithub } = endpoints
  // A `..` in the URL would lead the token to another part of the API.
  if (!url.startsWith(`${ownGithub}/`) || URL.parse(url)?.href !== url) return undefined
  const [, repository = '', ref] =
    /^([\w.-]+\/[\w.-]+)\/archive\/([\w./-]+)\.tar\.gz$/.exec(url.slice(ownGithub.length + 1)) ?? []
  if (!ref || repository === publicRepository) return undefined
  return { repository, api: `${ownApi(endpoints)}/repos/${repository}/tarball/${ref}` }
}

/**
 * The API of the GitHub that the workflow runs on. Source: the REST API, "Getting started", of GitHub Enterprise Server
 * and of Enterprise Cloud with data residency.
 */
export const ownApi = ({ github, githubApi, ownGithub }: Endpoints): string =>
  ownGithub === github
    ? githubApi
    : /^https:\/\/[\w-]+\.ghe\.com$/.test(ownGithub)
      ? ownGithub.replace('https://', 'https://api.')
      : `${ownGithub}/api/v3`
