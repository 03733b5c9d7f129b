import type { Header } from 'tar-stream'
import type { Owner, TreeEntry } from './tree.ts'

/**
 * The tar header of an entry, the same on every machine. Owner and group are 0, unless a directory belongs to a user;
 * their names are empty. The time is the one that Nix gives every file, one second after the epoch. Source: pax format,
 * POSIX.1-2017 "pax", "ustar Interchange Format".
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

/** The largest ID in the header's own fields: tar-stream writes six octal digits there, and cuts off the others. */
const mostInHeader = 0o777777

const owned = (owner: Owner | undefined): Partial<Header> => {
  if (!owner) return {}
  const large = Object.entries(owner).filter(([, id]) => id > mostInHeader)
  if (large.length === 0) return owner
  return { ...owner, pax: Object.fromEntries(large.map(([name, id]) => [name, `${id}`])) }
}
