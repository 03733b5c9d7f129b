import { lstatSync, readlinkSync } from 'node:fs'
import { posix } from 'node:path'
import { fileName, fileNameBytes } from '../archive/file-name.ts'
import type { TreeEntry } from '../archive/tree.ts'
import type { Closure } from '../graph/closure.ts'
import type { DanglingLink } from '../image/contents.ts'
import { isStorePath, parseStorePath, type StorePath } from '../nix/store-path.ts'
import type { Links } from './links.ts'

/** Paths that exist in every container, or in every image with packages. */
const everywhere = /^\/((dev|proc|sys)(\/.*)?|nix|nix\/store|etc\/(hosts|hostname|mtab|resolv\.conf))?$/

/** The number of links that Linux follows in one path. */
const mostHops = 40

/**
 * The links of packages that lead to nothing, in their order: into a store path outside the closure, to a file that its
 * package does not have, or to a name that the image's root does not have. Files of this machine outside the store make
 * no difference. The calls are synchronous for the reason given at `storePathsTree`.
 */
export const findDanglingLinks = (links: Links, closure: Closure, baseFiles: readonly TreeEntry[]): DanglingLink[] => {
  const root = new Map(links)
  for (const entry of baseFiles) root.set(entry.name, entry.type === 'symlink' ? entry.target : undefined)

  /** The last path on the way from `path`, if it leads to nothing; `undefined` if it leads to something. */
  const end = (path: string, hops = 0): string | undefined => {
    if (everywhere.test(path)) return undefined
    const next = path.startsWith('/nix/store/') ? inStore(path, closure) : inRoot(path, root)
    if (next === 'there') return undefined
    return next === 'missing' || hops === mostHops ? path : end(next.target, hops + 1)
  }

  return [...links].flatMap(([name, target]) => {
    const missing = target && end(target)
    return missing ? [{ path: `/${name}`, owner: storePathOf(target), target: missing }] : []
  })
}

/** Whether a path is there, is missing, or goes through a link to elsewhere. */
type Step = 'there' | 'missing' | { readonly target: string }

/** Follows one link at a time, since a link that leaves the store leads to files of the image, not of this machine. */
const inStore = (path: string, closure: Closure): Step => {
  const names = path.split('/')
  const storePath = names.slice(0, 4).join('/')
  // A package may have any text as the target of a link. `nuke-refs` leaves such targets, for example.
  if (!isStorePath(storePath) || !closure.paths.has(storePath)) return 'missing'
  try {
    for (let length = 4; length <= names.length; length++) {
      const own = names.slice(0, length).join('/')
      const place = fileNameBytes(own)
      if (!lstatSync(place).isSymbolicLink()) continue
      const target = fileName(readlinkSync(place, { encoding: 'buffer' }))
      return { target: posix.resolve(posix.dirname(own), target, ...names.slice(length)) }
    }
    return 'there'
  } catch {
    return 'missing'
  }
}

const inRoot = (path: string, root: Links): Step => {
  const names = path.slice(1).split('/')
  for (const index of names.keys()) {
    const name = names.slice(0, index + 1).join('/')
    const target = root.get(name)
    if (target) return { target: posix.resolve('/', posix.dirname(name), target, ...names.slice(index + 1)) }
  }
  return root.has(path.slice(1)) ? 'there' : 'missing'
}

const storePathOf = (path: string): StorePath =>
  parseStorePath(path.split('/').slice(0, 4).join('/'), 'the target of a link')
