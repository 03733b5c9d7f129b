import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CommandError, type CommandOptions, command } from '../lib/command.ts'
import { cannotBeRead, withCommit } from './local-git.ts'
import type { ScratchTools } from './scratch-repository.ts'

/** In milliseconds. It takes long to fetch all of a large repository on a slow line. */
const limits = { ask: 120_000, fetch: 1_800_000 }

/** The name of what is fetched, in a repository of our own. */
const fetched = 'refs/fetched'

/**
 * Fetches one commit of a repository on a server, and writes its files into a new folder for `work`, which gets the
 * commit too. Without `rev`, that is the newest of `ref`, a branch or a name that begins with `refs/`, and without that
 * of HEAD. Only this commit is asked for, without its history; a server that does not give it alone is asked for `ref`
 * or for all that it has. git has the user's settings, which say how to log in. Throws a `UserError` if there is no
 * such commit.
 */
export const withRemoteCommit = async <T>(
  url: string,
  ref: string | undefined,
  rev: string | undefined,
  tools: ScratchTools,
  work: (folder: string, revision: string) => Promise<T>,
): Promise<T> => {
  const repository = await mkdtemp(join(tools.temporary, 'fetched-'))
  const git = remote(tools, limits.fetch, `--git-dir=${repository}`)
  try {
    await git('init', '--quiet', '--bare', '--template=')
    const revision = await fetchCommit(url, ref, rev, git).catch((cause) => {
      throw cannotBeRead(url, cause, tools)
    })
    return await withCommit(pathToFileURL(repository).href, revision, tools, (folder) => work(folder, revision))
  } finally {
    await rm(repository, { recursive: true, force: true })
  }
}

/**
 * The commit that `ref` names on a server now, as `withRemoteCommit` would fetch it; `undefined` if git fails or there
 * is none.
 */
export const remoteRevision = async (
  url: string,
  ref: string | undefined,
  tools: CommandOptions,
): Promise<string | undefined> => {
  const name = nameOf(ref)
  // An annotated tag has a hash of its own, and this is the one of its commit.
  const commit = `${name}^{}`
  const list = await remote(tools, limits.ask)('ls-remote', '--', url, name, commit).catch(() => '')
  tools.signal.throwIfAborted()
  const found = new Map(list.split('\n').map((line) => line.split('\t').reverse() as [string, string]))
  return found.get(commit) ?? found.get(name)
}

/** As in Nix, what has no `refs/` in front is a branch. */
const nameOf = (ref: string | undefined): string =>
  !ref || ref === 'HEAD' ? 'HEAD' : ref.startsWith('refs/') ? ref : `refs/heads/${ref}`

type Git = (...args: string[]) => Promise<string>

/**
 * With these, no server can send git to one that anybody on the way can change, but the user's settings can. Source:
 * git-config(1), "protocol.allow".
 */
const protocols = Object.entries({
  allow: 'never',
  'https.allow': 'always',
  'ssh.allow': 'always',
  'http.allow': 'user',
})

/** Runs git for at most so many milliseconds. */
const remote = ({ environment, signal }: CommandOptions, limit: number, ...before: string[]): Git => {
  const settings = protocols.flatMap(([name, value]) => ['-c', `protocol.${name}=${value}`])
  const options = {
    environment: { ...environment, GIT_TERMINAL_PROMPT: '0' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(limit)]),
    // No checkout can make git run programs from there.
    cwd: '/',
    // git leaves the programs that talk to the server alone.
    endAll: true,
  }
  return (...args) => command('git', [...before, ...settings, ...args], options)
}

/** What a server would say to every other question, too. */
const isOfAll =
  /Permission denied|Host key verification|Authentication failed|could not read|Could not resolve|not found/i

/** What a server says that gives any commit which it has. To ask it for all the others would take long. */
const isNotThere = /not our ref/

const fetchCommit = async (
  url: string,
  ref: string | undefined,
  rev: string | undefined,
  git: Git,
): Promise<string> => {
  const name = nameOf(ref)
  const ways = [
    ['--depth=1', '--', url, `${rev ?? name}:${fetched}/wanted`],
    ...(rev === undefined || ref !== undefined ? [['--', url, `${name}:${fetched}/wanted`]] : []),
    ...(rev === undefined ? [] : [['--', url, `+refs/*:${fetched}/all/*`]]),
  ]
  let refusal: unknown
  for (const way of ways) {
    try {
      await git('fetch', '--quiet', '--no-tags', ...way)
    } catch (cause) {
      if (!(cause instanceof CommandError)) throw cause
      const isMissing = rev !== undefined && isNotThere.test(cause.stderr)
      refusal = isMissing ? new Error(`it has no commit ${rev}`) : cause
      if (isMissing || isOfAll.test(cause.stderr)) break
      continue
    }
    const found = await git('rev-parse', '--verify', '--quiet', `${rev ?? `${fetched}/wanted`}^{commit}`).catch(
      () => '',
    )
    if (found !== '') return found.trim()
    refusal = new Error(`it has no commit ${rev}`)
  }
  throw refusal
}
