import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from './process.ts'

/** Git's environment in tests, with no configuration but the test's own. */
export const gitEnvironment = (home: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'n',
  GIT_AUTHOR_EMAIL: 'e',
  GIT_AUTHOR_DATE: '2001-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'n',
  GIT_COMMITTER_EMAIL: 'e',
  GIT_COMMITTER_DATE: '2001-01-01T00:00:00Z',
})

/** Runs git in a folder, and returns its standard output without white space at its ends. */
export const gitIn =
  (folder: string, home: string) =>
  async (...args: string[]): Promise<string> =>
    (await output('git', ['-C', folder, ...args], { env: gitEnvironment(home) })).trim()

/** Programs that record that they ran. `ran` returns the name of each one once. */
export type Trap = { readonly arm: (gitFolder: string) => Promise<void>; readonly ran: () => Promise<string[]> }

/**
 * Sets everything in a repository's configuration that can make git run a program. `.gitattributes` with
 * `trapAttributes` leads to the filters and drivers.
 */
export const gitTrap = async (folder: string): Promise<Trap> => {
  const log = join(folder, 'ran')
  const script = join(folder, 'evil.sh')
  const hooks = join(folder, 'evil-hooks')
  await mkdir(hooks, { recursive: true })
  await writeFile(script, `#!/bin/sh\necho "$1" >> '${log}'\ncase $1 in clean|smudge|textconv) cat;; esac\n`)
  await chmod(script, 0o755)
  for (const name of ['post-index-change', 'post-checkout', 'reference-transaction', 'fsmonitor-watchman']) {
    await writeFile(join(hooks, name), `#!/bin/sh\necho hook-${name} >> '${log}'\n`)
    await chmod(join(hooks, name), 0o755)
  }
  const run = (name: string): string => `"${script} ${name}"`
  const lines = `
[core]
  fsmonitor = ${run('fsmonitor')}
  sshCommand = ${run('ssh')}
  alternateRefsCommand = ${run('alternates')}
  pager = ${run('pager')}
  editor = ${run('editor')}
  askPass = ${run('askpass')}
  gitProxy = ${run('proxy')}
  hooksPath = ${hooks}
[include]
  path = ${join(folder, 'included')}
[filter "evil"]
  clean = ${run('clean')}
  smudge = ${run('smudge')}
  required = true
[diff]
  external = ${run('diff')}
[diff "evil"]
  textconv = ${run('textconv')}
  command = ${run('diff-driver')}
[uploadpack]
  packObjectsHook = ${run('pack-objects')}
[credential]
  helper = "!${script} credential"
[protocol "ext"]
  allow = always
[protocol]
  allow = always
[url "ext::${script} url %S "]
  insteadOf = ssh://
  insteadOf = https://
[remote "origin"]
  url = "ext::${script} lazy %S"
  uploadpack = ${run('uploadpack')}
  promisor = true
  partialclonefilter = blob:none
[extensions]
  partialClone = origin
[gpg]
  program = ${run('gpg')}
`
  await writeFile(join(folder, 'included'), `[core]\n  fsmonitor = ${run('included')}\n`)
  return {
    arm: async (gitFolder) => {
      const config = join(gitFolder, 'config')
      // Git reads extensions only in the newer format.
      const text = (await readFile(config, 'utf8')).replace(
        /repositoryformatversion = 0/,
        'repositoryformatversion = 1',
      )
      await writeFile(config, text + lines)
    },
    ran: async () => [...new Set((await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean))].sort(),
  }
}

export const trapAttributes = '* filter=evil diff=evil\n'
