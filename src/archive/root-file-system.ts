import type { Loader } from '../loader.ts'
import type { Plan } from '../plan.ts'
import type { Links } from './links.ts'
import type { TreeEntry } from './tree.ts'
import { accountFiles, type Owner } from './users.ts'

// Its ID must be no other distribution's: programs look for files of that one, and the runner's Node for Alpine is refused.
const osRelease = `NAME="Nix image"
ID=nix-image
PRETTY_NAME="Nix image"
`

// Host names are looked up in files first; without this line, glibc asks DNS even for localhost.
const nsswitch = `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
`

// The folder of a job is that of another user than the one that git runs as.
const gitconfig = `[safe]
\tdirectory = *
`

const certificates = 'etc/ssl/certs/ca-bundle.crt'

/** Where programs look for certificates: Debian's, Alpine's and Fedora's names, which Go, OpenSSL and Python know. */
const certificateNames = [
  'etc/pki/tls/cert.pem',
  'etc/pki/tls/certs/ca-bundle.crt',
  'etc/ssl/cert.pem',
  'etc/ssl/certs/ca-certificates.crt',
]

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
 * The base layer: what programs expect of a root file system and no package brings, and the working directory, which is
 * the user's. What the symlink layer has is left as it is; a directory over a link would hide what is behind it. `/etc/hosts`
 * and `/etc/resolv.conf` come from whoever starts a container.
 */
export const rootFileSystem = (
  links: Links,
  { preset, user, workdir }: Plan['base'],
  owner: Owner,
  loader: Loader | undefined,
): TreeEntry[] => {
  const entries = [
    ...(preset === 'bare' ? [] : baseFiles(links, user)),
    ...(preset === 'job-container' ? [file('etc/gitconfig', gitconfig)] : []),
  ]
  const folder = workdir?.slice(1)
  if (folder && !links.has(folder) && !withParents(entries).some(({ name }) => name === folder))
    entries.push(directory(folder, 0o755, owner))

  const isLink = (name: string): boolean => links.get(name) !== undefined
  const kept = entries.filter(
    ({ name, type }) => !(type === 'directory' ? isLink(name) : links.has(name)) && !parentsOf(name).some(isLink),
  )
  // A loader of the packages' own would not find the libraries of programs that were not built for Nix.
  const loaderLinks = Object.entries(loader?.links ?? {}).map(([name, target]) => symlink(name, target))
  return withParents([...kept, ...loaderLinks])
}

const baseFiles = (links: Links, user: Plan['base']['user']): TreeEntry[] => {
  const { passwd, group, homes } = accountFiles(user)
  const shell = ['bin/bash', 'bin/dash'].find((name) => links.has(name))
  return [
    ...(shell ? [symlink('bin/sh', `/${shell}`)] : []),
    file('etc/group', group),
    file('etc/nsswitch.conf', nsswitch),
    file('etc/os-release', osRelease),
    file('etc/passwd', passwd),
    ...(links.has(certificates) ? certificateNames.map((name) => symlink(name, `/${certificates}`)) : []),
    directory('home'),
    ...homes.map(([name, owner]) => directory(name, 0o700, owner)),
    directory('root', 0o700),
    directory('tmp', 0o1777),
    ...(links.has('bin/env') ? [symlink('usr/bin/env', '/bin/env')] : []),
    directory('var/tmp', 0o1777),
  ]
}

/** The entries and the directories that they are in, depth first, each directory's names by code unit. */
const withParents = (entries: readonly TreeEntry[]): TreeEntry[] => {
  const all = new Map(entries.flatMap(({ name }) => parentsOf(name)).map((name) => [name, directory(name)]))
  for (const entry of entries) all.set(entry.name, entry)
  // No name has a character before the one that stands for the slash here.
  const key = ({ name }: TreeEntry): string => name.replaceAll('/', '\0')
  return [...all.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

const parentsOf = (name: string): string[] => {
  const parts = name.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}
