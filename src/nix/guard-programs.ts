import { mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { findProgram } from '../lib/find-program.ts'

type Environment = Readonly<Record<string, string>>

/**
 * Makes a folder for the front of Nix's PATH, with a `git` and an `hg` that refuse to run in folders of others. A
 * package set can let Nix fetch from a repository in a folder, for example in the package set itself. There, git would
 * run programs that the repository configures (filters, for instance), outside of all sandboxes. So git may use only
 * Nix's own clones. Mercurial may use nothing, since it reads the configuration of the repository that it clones.
 */
export const guardPrograms = async (environment: Environment, temporary: string): Promise<string> => {
  const folder = join(temporary, 'programs')
  await mkdir(folder, { recursive: true })
  const git = await findProgram('git', environment)
  if (git)
    await writeFile(join(folder, 'git'), gitScript(git, clonesOf(environment), environment['TMPDIR']), { mode: 0o700 })
  await writeFile(join(folder, 'hg'), `#!/bin/sh\necho '${refusal('Mercurial')}' >&2\nexit 1\n`, { mode: 0o700 })
  return folder
}

const refusal = (program: string): string => `fatal: ${program} is not run in a folder, which may name programs to run`

/**
 * Nix passes folders to git by options such as `-C` and `--git-dir`. Otherwise git starts in `/`, where there is no
 * repository. Nix collects submodules in a folder of its own in `temporary`.
 */
const gitScript = (git: string, folders: readonly string[], temporary = '/tmp'): string => `#!/bin/sh
check() {
  case "$1" in
    */../* | */..) ;;
    . | .git) return ;;
${folders.map((folder) => `    ${quoted(folder)}/*) return ;;\n`).join('')}    ${quoted(temporary)}/nix-[0-9]*-[0-9]*) if [ -O "$1" ]; then return; fi ;;
  esac
  echo '${refusal('git')}' >&2
  exit 128
}
cd /
before=
for argument; do
  case "$before" in -C | --git-dir | --work-tree) check "$argument" ;; esac
  case "$argument" in --git-dir=* | --work-tree=*) check "\${argument#*=}" ;; esac
  before=$argument
done
exec ${quoted(git)} "$@"
`

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** The folders with Nix's clones. Source: the Nix manual, "Common Environment Variables". */
const clonesOf = ({ XDG_CACHE_HOME, HOME }: Environment): string[] => {
  const homes = [HOME, userInfo().homedir].filter((home) => home !== undefined && isAbsolute(home))
  const caches = [XDG_CACHE_HOME, ...homes.map((home) => join(home ?? '', '.cache'))]
  return caches.filter((cache) => cache !== undefined && isAbsolute(cache)).map((cache) => join(cache ?? '', 'nix'))
}
