import type { Header } from 'tar-stream'
import type { Owner, TreeEntry } from './tree.ts'

/**
 * The tar header of an entry. What could differ from one machine to the next is the same for all: owner and group 0,
 * but where a directory is a user's, without names, and the time that Nix gives every file, one second after the epoch.
 * Source: pax format, POSIX.1-2017 "pax", "ustar Interchange Format".
 */
export const tarHeader = (entry: TreeEntry): Partial<Header> & Pick<Header, 'name'> => {
  const fixed = { uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(1000) }
  switch (entry.type) {
    case 'directory':
      return { ...fixed, ...owned(entry.owner), name: `${entry.name}/`, type: 'directory', mode: entry.mode, size: 0 }
    case 'symlink':
      return { ...fixed, name: entry.name, type: 'symlink', mode: 0o777, size: 0, linkname: entry.target }
    case 'file': {
      const size = entry.content instanceof Uint8Array ? entry.content.length : entry.content.size
      return { ...fixed, name: entry.name, type: 'file', mode: entry.mode, size }
    }
  }
}

/** tar-stream writes six octal digits into the header's own fields, and cuts off what is more. */
const mostInHeader = 0o777777

const owned = (owner: Owner | undefined): Partial<Header> => {
  if (!owner) return {}
  const large = Object.entries(owner).filter(([, id]) => id > mostInHeader)
  if (large.length === 0) return owner
  return { ...owner, pax: Object.fromEntries(large.map(([name, id]) => [name, `${id}`])) }
}
