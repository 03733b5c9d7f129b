import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CommandError, command } from '../lib/command.ts'
import { messages, UserError } from '../lib/error.ts'
import { bareRepositoryAt, type GitRepository, repositoryAt } from './git-repository.ts'
import { names } from './ignored-by-git.ts'
import { type ScratchGit, type ScratchTools, withScratchRepository } from './scratch-repository.ts'

/** The source in a repository on this machine: the files of a working tree, or a commit. */
export type LocalGit =
  | {
      readonly type: 'files'
      readonly path: string
      /** Relative to the path. */
      readonly ignored: readonly string[]
      /** The current commit, if it has the same files. */
      readonly revision: string | undefined
    }
  | { readonly type: 'commit'; readonly revision: string }

/**
 * Reads a `file:` repository, and runs nothing that it or its configuration names. Without `ref` and `rev`, the source
 * is the present content of a working tree's tracked files. Throws a `UserError` if there is no such repository, branch
 * or commit.
 */
export const readLocalGit = async (
  url: string,
  ref: string | undefined,
  rev: string | undefined,
  tools: ScratchTools,
): Promise<LocalGit> => {
  const repository = await openRepository(url)
  const { root } = repository
  return withScratchRepository(repository, alike(tools), async (git) => {
    const commit = await commitOf(rev ?? (ref === undefined ? 'HEAD' : ref), git)
    if (root !== undefined && ref === undefined && rev === undefined) {
      const revision = commit !== undefined && (await isClean(root, git)) ? commit : undefined
      return { type: 'files', path: root, ignored: await untracked(root, git), revision } as const
    }
    if (commit === undefined) throw new Error(`it has no ${rev ? `commit ${rev}` : ref ? `branch ${ref}` : 'commit'}`)
    return { type: 'commit', revision: commit } as const
  }).catch((cause) => {
    throw cannotBeRead(url, cause, tools)
  })
}

/** Files as the commit has them, which is what the hash in a lock file is of: Nix has done so since version 2.20. */
const asCommitted = '* !export-ignore !export-subst !text !eol !ident !filter !working-tree-encoding\n'

/**
 * Writes the files of a commit into a new folder for `work`, and removes the folder when `work` has ended. Applies no
 * filters and no attributes, and ignores the user's settings.
 */
export const withCommit = async <T>(
  url: string,
  revision: string,
  tools: ScratchTools,
  work: (folder: string) => Promise<T>,
): Promise<T> => {
  const folder = await mkdtemp(join(tools.temporary, 'commit-'))
  try {
    const tree = join(folder, 'tree')
    const archive = join(folder, 'archive.tar')
    await mkdir(tree)
    const committed = { ...alike(tools), attributes: asCommitted }
    await withScratchRepository(await openRepository(url), committed, async (git) => {
      await git(['archive', '--format=tar', `--output=${archive}`, revision])
      await command('tar', ['--extract', '--file', archive, '--directory', tree, '--no-same-owner'], tools)
    }).catch((cause) => {
      throw cannotBeRead(url, cause, tools)
    })
    await rm(archive)
    return await work(tree)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Hides the user's and the machine's configuration from git, so that a commit has the same files everywhere. */
const alike = (tools: ScratchTools): ScratchTools => ({
  ...tools,
  environment: {
    ...tools.environment,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    XDG_CONFIG_HOME: '/dev/null',
  },
})

const openRepository = async (url: string): Promise<GitRepository> => {
  try {
    const path = await realpath(fileURLToPath(url))
    const repository = (await repositoryAt(path)) ?? (await bareRepositoryAt(path))
    if (!repository) throw new Error('it is no git repository')
    return repository
  } catch (cause) {
    throw new UserError(
      `\`nixpkgs\` is git+${url}, which cannot be read (${messages(cause).at(-1)}); check the path, and that actions/checkout ran before this step.`,
      { cause },
    )
  }
}

/** What git says of a repository that it cannot read or fetch, as a `UserError`. */
export const cannotBeRead = (url: string, cause: unknown, { signal }: Pick<ScratchTools, 'signal'>): unknown => {
  signal.throwIfAborted()
  const stderr = cause instanceof CommandError ? cause.stderr : ''
  const lines = stderr.split('\n')
  // What ssh says comes before what git makes of it.
  const denied = lines.find((line) => /: Permission denied \(|Host key verification failed/.test(line))
  const said = denied ?? lines.find((line) => line.startsWith('fatal: ')) ?? messages(cause).at(-1)
  const advice = denied
    ? 'add a key to the agent before this step, and the host to ~/.ssh/known_hosts'
    : /could not read (Username|Password)|Authentication failed/.test(said ?? '')
      ? 'if it is there, let git log in by ~/.netrc or a credential helper before this step, or write `github:owner/repo/ref` or `git+ssh://…`'
      : 'check that `nixpkgs` names something that is there'
  return new UserError(`${url} cannot be fetched: ${said?.replace(/\.$/, '')}; ${advice}.`, { cause })
}

/** The commit that a name stands for, be it a commit, a branch or a tag. */
const commitOf = async (name: string, git: ScratchGit): Promise<string | undefined> => {
  const isWhole = name === 'HEAD' || name.startsWith('refs/') || /^[0-9a-f]{40}$/.test(name)
  for (const candidate of isWhole ? [name] : [`refs/heads/${name}`, `refs/tags/${name}`]) {
    const commit = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${candidate}^{commit}`]).catch(
      (cause) => {
        if (cause instanceof CommandError) return ''
        throw cause
      },
    )
    if (commit !== '') return commit.trim()
  }
  return undefined
}

/**
 * The files in the folder that git does not track, and the submodules: these are never fetched, so those of a working
 * tree are left out too.
 */
const untracked = async (root: string, git: ScratchGit): Promise<string[]> => {
  const others = await git(['-C', root, 'ls-files', '--others', '--directory', '-z'])
  const entries = (await git(['-C', root, 'ls-files', '--stage', '-z'])).split('\0')
  const modules = entries.flatMap((entry) => /^160000 \S+ \d\t(.*)$/s.exec(entry)?.slice(1) ?? [])
  return names(root, [...others.split('\0'), ...modules].join('\0'))
}

const isClean = async (root: string, git: ScratchGit): Promise<boolean> => {
  const plain = ['--no-ext-diff', '--no-textconv', '--ignore-submodules=all']
  try {
    await git(['-C', root, 'diff', '--quiet', ...plain, 'HEAD', '--'])
    return true
  } catch (cause) {
    if (cause instanceof CommandError) return false
    throw cause
  }
}
