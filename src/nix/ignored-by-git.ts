import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError, type CommandOptions, command } from '../command.ts'
import { messages, UserError } from '../error.ts'

/**
 * The files and folders below `folder` that git ignores, relative to it. A folder that is ignored as a whole is named
 * alone. None if the folder is in no git repository. Throws a `UserError` if it is in one that git cannot
 * read, since what is ignored may be secret.
 */
export const ignoredByGit = async (folder: string, options: CommandOptions): Promise<string[]> => {
  const list = await command(
    'git',
    // The workspace may belong to another user, as in a container job.
    [
      '-c',
      'safe.directory=*',
      '-C',
      folder,
      'ls-files',
      '--others',
      '--ignored',
      '--exclude-standard',
      '--directory',
      '-z',
    ],
    options,
  ).catch((cause) => {
    options.signal.throwIfAborted()
    // Outside of a repository there is nothing to leave out, and a folder that is ignored itself is meant as a whole.
    if (cause instanceof CommandError && /not a git repository|not superset of prefix/.test(cause.stderr)) return ''
    if (!(cause instanceof CommandError) && !existsSync(join(folder, '.git'))) return ''
    throw new UserError(
      `\`nixpkgs\` is ${folder}, of which git cannot tell what it ignores (${messages(cause).at(-1)}); put git on the PATH, or mend the repository.`,
      { cause },
    )
  })
  const names = list.split('\0').filter((name) => name !== '')
  const foreign = names.find((name) => name.includes('\ufffd'))
  if (foreign)
    throw new UserError(
      `\`nixpkgs\` is ${folder}, where git ignores ${foreign}, whose name is not UTF-8; rename or remove it.`,
    )
  return names.map((name) => name.replace(/\/$/, ''))
}
