import { type CommandOptions, command } from './command.ts'

/**
 * The files and folders below `folder` that git ignores, relative to it. A folder that is ignored as a whole is named
 * alone. None if the folder is in no git repository, or if there is no git.
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
  ).catch(() => {
    options.signal.throwIfAborted()
    return ''
  })
  return list
    .split('\0')
    .filter((name) => name !== '')
    .map((name) => name.replace(/\/$/, ''))
}
