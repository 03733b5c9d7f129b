import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CommandError, command } from '../lib/command.ts'
import { cannotBeRead, withCommit } from './local-git.ts'
import type { ScratchTools } from './scratch-repository.ts'

/** In milliseconds: for a large repository on a slow line, of a server that gives no single commit. */
const limit = 1_800_000

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
  const signal = AbortSignal.any([tools.signal, AbortSignal.timeout(limit)])
  const environment = { ...tools.environment, GIT_TERMINAL_PROMPT: '0', GIT_ALLOW_PROTOCOL: 'http:https:ssh' }
  const git = (...args: string[]): Promise<string> =>
    // No checkout can make git run programs from there.
    command('git', [`--git-dir=${repository}`, ...args], { environment, signal, cwd: '/' })
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

/** What a server would say to every other question, too. */
const isOfAll =
  /Permission denied|Host key verification|Authentication failed|could not read|Could not resolve|not found/i

type Git = (...args: string[]) => Promise<string>

const fetchCommit = async (
  url: string,
  ref: string | undefined,
  rev: string | undefined,
  git: Git,
): Promise<string> => {
  const name = ref === undefined ? 'HEAD' : ref.startsWith('refs/') ? ref : `refs/heads/${ref}`
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
      refusal = cause
      if (isOfAll.test(cause.stderr)) break
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
