import { copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type CommandOptions, command } from '../lib/command.ts'
import { type GitRepository, readSmall } from './git-repository.ts'

/** Runs git on a repository, but no program that the repository names. Throws a `CommandError` if git fails. */
export type ScratchGit = (args: readonly string[], input?: string) => Promise<string>

export type ScratchTools = CommandOptions & {
  /** A folder that only this run can read. */
  readonly temporary: string
  /** Lines of gitattributes(5), which have precedence over those that the repository has. */
  readonly attributes?: string
}

/** In milliseconds. If there were a pipe in the place of a file, git would wait for ever. */
const limit = 120_000

/**
 * Lets `work` run git on a repository that may belong to an attacker. git gets a repository of our own in a temporary
 * folder. It has a copy of the index, links to the objects and references of the other repository, and a configuration
 * that we wrote, without monitors, hooks, filters, helpers and remotes of the other one. Source: git-config(1), which
 * names all settings that run a program.
 */
export const withScratchRepository = async <T>(
  repository: GitRepository,
  tools: ScratchTools,
  work: (git: ScratchGit) => Promise<T>,
): Promise<T> => {
  const { own, common, root } = repository
  const scratch = await mkdtemp(join(tools.temporary, 'git-'))
  const signal = AbortSignal.any([tools.signal, AbortSignal.timeout(limit)])
  const environment = {
    ...tools.environment,
    ...settings({ 'core.fsmonitor': 'false', 'core.hooksPath': '/dev/null' }),
    GIT_DIR: scratch,
    ...(root !== undefined && { GIT_WORK_TREE: root }),
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_NO_LAZY_FETCH: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
  }
  const git: ScratchGit = (args, input) =>
    command('git', args, { environment, signal, cwd: '/', ...(input !== undefined && { input }) }).catch((cause) => {
      tools.signal.throwIfAborted()
      throw cause
    })
  try {
    await mkdir(join(scratch, 'info'))
    for (const name of ['objects', 'refs', 'packed-refs', 'reftable', 'shallow'])
      await symlink(join(common, name), join(scratch, name))
    for (const name of (await readdir(own)).filter((name) => /^(HEAD|index|sharedindex\.[0-9a-f]+)$/.test(name)))
      await copy(join(own, name), join(scratch, name))
    await copy(join(common, 'info', 'exclude'), join(scratch, 'info', 'exclude'))
    if (tools.attributes !== undefined) await writeFile(join(scratch, 'info', 'attributes'), tools.attributes)
    // git needs a configuration of its own before it can read the other one as a plain file.
    await writeFile(join(scratch, 'config'), '[core]\n\trepositoryFormatVersion = 0\n')
    await writeFile(join(scratch, 'config'), await configuration(repository, git, scratch))
    return await work(git)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Settings that override those in files. Source: git-config(1), "GIT_CONFIG_COUNT". */
const settings = (values: Readonly<Record<string, string>>): Record<string, string> => ({
  GIT_CONFIG_COUNT: `${Object.keys(values).length}`,
  ...Object.fromEntries(
    Object.entries(values).flatMap(([name, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, name],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]),
  ),
})

/** Settings of the other configuration that decide what files and names mean, and that cannot run anything. */
const harmless = ['core.excludesfile', 'core.ignorecase', 'core.symlinks', 'core.filemode']

/** Extensions of the format that git must know to read the repository. */
const formats = ['extensions.objectformat', 'extensions.refstorage']

/**
 * The text of our own configuration. Throws an `Error` if the other configuration names another working tree than
 * `root`.
 */
const configuration = async (
  { own, common, root }: GitRepository,
  git: ScratchGit,
  scratch: string,
): Promise<string> => {
  const file = join(scratch, 'config.other')
  const read = async (path: string): Promise<Map<string, string>> => {
    await writeFile(file, (await readSmall(path)) ?? '')
    const list = await git(['config', '--file', file, '--no-includes', '--null', '--list'])
    return new Map(
      list
        .split('\0')
        .filter((entry) => entry !== '')
        // A name without a value means true.
        .map((entry) => (/^([^\n]*)\n(.*)$/s.exec(entry) ?? ['', entry, 'true']).slice(1) as [string, string]),
    )
  }
  const found = await read(join(common, 'config'))
  if (/^(true|yes|on|1)$/i.test(found.get('extensions.worktreeconfig') ?? ''))
    for (const [name, value] of await read(join(own, 'config.worktree'))) found.set(name, value)
  const worktree = found.get('core.worktree')
  if (root !== undefined && worktree !== undefined && (await isOther(resolve(own, worktree), root)))
    throw new Error(`the working tree of ${own} is said to be ${worktree}`)
  const kept = [...harmless, ...formats].flatMap((name) => {
    const value = found.get(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const version = kept.some(([name]) => name.startsWith('extensions.')) ? '1' : '0'
  return [['core.repositoryformatversion', version] as const, ['core.bare', `${root === undefined}`] as const, ...kept]
    .map(([name, value]) => {
      const [section, key] = name.split('.')
      return `[${section}]\n\t${key} = "${value.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"\n`
    })
    .join('')
}

const isOther = async (left: string, right: string): Promise<boolean> => {
  const [a, b] = await Promise.all([left, right].map((path) => stat(path).catch(() => undefined)))
  return a?.dev !== b?.dev || a?.ino !== b?.ino
}

/** In bytes; the index of a million files is a tenth of it. */
const indexLimit = 1_000_000_000

/** Copies a file, if it exists, with its time, since git compares the time of the index with those of files. */
const copy = async (from: string, to: string): Promise<void> => {
  const stats = await stat(from).catch(() => undefined)
  if (!stats) return
  if (!stats.isFile() || stats.size > indexLimit) throw new Error(`${from} is no file of a git repository`)
  await copyFile(from, to)
  await utimes(to, stats.atime, Math.floor(stats.mtimeMs / 1000))
}
