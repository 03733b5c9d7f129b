import type { Links } from './links.ts'
import type { TreeEntry } from './tree.ts'

const passwd = `root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
`

const group = `root:x:0:
nobody:x:65534:
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

const directory = (name: string, mode = 0o755): TreeEntry => ({ type: 'directory', name, mode })
const file = (name: string, text: string): TreeEntry => ({
  type: 'file',
  name,
  mode: 0o644,
  content: Buffer.from(text),
})

/**
 * The base layer: what programs expect of a root file system and no package brings. What the symlink layer has is left as
 * it is; a directory over a link would hide what is behind it.
 */
export const rootFileSystem = (links: Links): TreeEntry[] => {
  const entries: TreeEntry[] = [
    directory('etc'),
    file('etc/group', group),
    file('etc/nsswitch.conf', nsswitch),
    file('etc/passwd', passwd),
    directory('root', 0o700),
    directory('tmp', 0o1777),
    directory('usr'),
    directory('usr/bin'),
    { type: 'symlink', name: 'usr/bin/env', target: '/bin/env' },
    directory('var'),
    directory('var/tmp', 0o1777),
  ]
  const isLink = (name: string): boolean => links.get(name) !== undefined
  return entries
    .filter(({ name }) => !isLink(name) && !parentsOf(name).some(isLink))
    .filter(({ name }) => name !== 'usr/bin/env' || links.has('bin/env'))
}

const parentsOf = (name: string): string[] => {
  const parts = name.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}
