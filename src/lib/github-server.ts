import { UserError } from './error.ts'

/** The GitHub that a workflow runs on: github.com, an Enterprise Server, or a company's own part of ghe.com. */
export type GithubServer = {
  /** The URL of its pages, without a slash at the end. */
  readonly url: string
  /** The host of its container registry; `undefined` if that has no known name. */
  readonly registry: string | undefined
}

export const githubCom: GithubServer = { url: 'https://github.com', registry: 'ghcr.io' }

/**
 * Reads `GITHUB_SERVER_URL`; if it is empty, the server is github.com. Throws a `UserError` if it is no URL of a
 * server. Source: GitHub's documentation, "Working with the Container registry" of Enterprise Server and of Enterprise
 * Cloud with data residency.
 */
export const githubServer = (text: string): GithubServer => {
  if (text === '') return githubCom
  const url = URL.parse(text)
  if (!url || !['https:', 'http:'].includes(url.protocol) || url.username || url.password)
    throw new UserError(
      'GITHUB_SERVER_URL is no address of a GitHub server, as in https://github.com; leave it as the runner sets it.',
    )
  url.hostname = url.hostname.replace(/\.$/, '')
  if (url.hostname === 'github.com') return githubCom
  const path = url.pathname.replace(/\/+$/, '')
  const registry = `containers.${url.host}`
  // If GitHub is below a path, the rest of the host may belong to somebody else.
  return { url: url.origin + path, registry: path === '' && URL.canParse(`https://${registry}`) ? registry : undefined }
}
