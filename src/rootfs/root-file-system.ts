import type { Owner, TreeEntry } from '../archive/tree.ts'
import type { Closure } from '../graph/closure.ts'
import type { BaseLayer } from '../image/base-layer.ts'
import { UserError } from '../lib/error.ts'
import type { Links } from './links.ts'
import type { Loader } from './loader.ts'
import { nixDatabase } from './nix-database.ts'
import { runTimeLinks } from './run-time-files.ts'
import { accountFiles, type Users } from './users.ts'

// The ID must not be that of another distribution, since programs would look for that distribution's files. With
// Alpine's ID, the runner would start its Node for Alpine, which was built for musl.
const osRelease = `NAME="Nix image"
ID=nix-image
PRETTY_NAME="Nix image"
`

// With the line `hosts`, host names are looked up in files first; without it, glibc asks DNS even for localhost.
const nsswitch = `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
`

// The folder of a job belongs to another user than the one that git runs as.
const gitconfig = `[safe]
\tdirectory = *
`

const directory = (name: string, mode = 0o755, owner?: Owner): TreeEntry => ({
  type: 'directory',
  name,
  mode,
  ...(owner && { owner }),
})
const file = (name: string, text: string): TreeEntry => ({
  type: 'file',
  name,
  mode: 0o644,
  content: Buffer.from(text),
})
const symlink = (name: string, target: string): TreeEntry => ({ type: 'symlink', name, target })

/**
 * The base layer: the files that programs expect in a root file system and that no package brings, and the working
 * directory and the volumes, which belong to the user. Names of the symlink layer stay as they are, except for files
 * that `preset: job-container` needs; a directory over a link would hide the link's target. Throws a `UserError` if the
 * working directory or a volume cannot be made, or if only another user may enter it. `/etc/hosts` and
 * `/etc/resolv.conf` come from the program that starts a container. With a Nix among the packages, its database has the
 * closure.
 */
export const rootFileSystem = (
  links: Links,
  { preset, user, workdir, volumes }: BaseLayer,
  { owner, homes }: Users,
  loader: Loader | undefined,
  closure: Closure,
): TreeEntry[] => {
  const isLink = (name: string): boolean => links.get(name) !== undefined
  const entries = [
    ...(preset === 'bare'
      ? []
      : [...baseFiles(links, user, homes), ...(hasNix(links) && owner.uid === 0 ? nixDatabase(closure) : [])]),
    ...(preset === 'job-container' ? [file('etc/gitconfig', gitconfig)] : []),
  ].filter(
    ({ name, type }) =>
      (preset === 'job-container' && contract.includes(name) && !parentsOf(name).some(isLink)) ||
      (!(type === 'directory' ? isLink(name) : links.has(name)) && !parentsOf(name).some(isLink)),
  )
  const isRunLink = entries.some(({ name }) => name === runLink)
  const folders = [...volumes.map((path) => ['volumes', path] as const), ['workdir', workdir ?? '/'] as const].map(
    ([input, path]) => [input, isRunLink ? path.replace(/^\/var\/run(?=\/|$)/, '/run') : path] as const,
  )
  // A folder comes after the folder that it is in, so that both belong to the user.
  for (const [input, path] of folders.sort(([, a], [, b]) => (a < b ? -1 : 1)))
    if (path !== '/') addFolder(input, path, entries, links, owner)

  // These replace a loader that packages bring: it would not find the libraries of programs that were not built for
  // Nix.
  const loaderLinks = Object.entries(loader?.links ?? {}).map(([name, target]) => symlink(name, target))
  return withParents([...entries, ...loaderLinks])
}

const hasNix = (links: Links): boolean => links.has('bin/nix') || links.has('bin/nix-store')

/** The old name of `/run`. A folder that is asked for below it is made below `/run`. */
const runLink = 'var/run'

/** The files that the runner's git and its choice of a Node.js depend on. They replace the files of packages. */
const contract = ['etc/gitconfig', 'etc/os-release']

/** A sentence for each file of a package that a file of `preset: job-container` replaces. */
export const replacedFiles = (links: Links, { preset }: BaseLayer): string[] =>
  contract.flatMap((name) => {
    const target = links.get(name)
    return preset === 'job-container' && target
      ? [`/${name} is the one that jobs in a container need; left out is ${target}.`]
      : []
  })

const addFolder = (input: string, path: string, entries: TreeEntry[], links: Links, owner: Owner): void => {
  const name = path.slice(1)
  const fault = (what: string): UserError =>
    new UserError(`\`${input}\` is ${path}, ${what}; write another folder, as in \`/app\`.`)
  const isNoFolder = (name: string): boolean =>
    links.get(name) !== undefined || entries.some((entry) => entry.name === name && entry.type !== 'directory')
  const above = parentsOf(name).find(isNoFolder)
  if (above !== undefined) throw fault(`but /${above} is no folder of the image's own`)
  // The name may be a link to a folder of a package.
  if (links.has(name)) return
  if (isNoFolder(name)) throw fault('which is a file of the image')
  const there = withParents(entries).find((entry) => entry.name === name)
  if (!there) entries.push(directory(name, 0o755, owner))
  else if (there.type === 'directory' && there.mode === 0o700 && ![0, there.owner?.uid ?? 0].includes(owner.uid))
    throw fault('where the user may not look')
}

const baseFiles = (links: Links, user: BaseLayer['user'], homes: Users['homes']): TreeEntry[] => {
  const { passwd, group } = accountFiles(user)
  return [
    ...runTimeLinks(links).map(([name, target]) => symlink(name, target)),
    file('etc/group', group),
    file('etc/nsswitch.conf', nsswitch),
    file('etc/os-release', osRelease),
    file('etc/passwd', passwd),
    directory('home'),
    ...homes.map(([name, owner]) => directory(name, 0o700, owner)),
    directory('root', 0o700),
    directory('run'),
    directory('tmp', 0o1777),
    // Servers use it as their root, and refuse it if somebody may write to it.
    directory('var/empty', 0o555),
    directory('var/log'),
    symlink(runLink, '/run'),
    directory('var/tmp', 0o1777),
  ]
}

/** The entries and their parent directories, depth first, the names of each directory in byte order. */
const withParents = (entries: readonly TreeEntry[]): TreeEntry[] => {
  const all = new Map(entries.flatMap(({ name }) => parentsOf(name)).map((name) => [name, directory(name)]))
  for (const entry of entries) all.set(entry.name, entry)
  // A zero byte stands for the slash, since it comes before every character that a name may have.
  const key = ({ name }: TreeEntry): Buffer => Buffer.from(name.replaceAll('/', '\0'))
  return [...all.values()].sort((a, b) => Buffer.compare(key(a), key(b)))
}

const parentsOf = (name: string): string[] => {
  const parts = name.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}
