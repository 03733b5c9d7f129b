import { createHash } from 'node:crypto'
import type { Closure, ClosurePath } from '../../src/graph/closure.ts'
import type { NarHash } from '../../src/nix/nar-hash.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { type Package, type Packages, withNeeds } from './debian.ts'

/** The content of an image: its packages in the user's order, and how often each source package has changed. */
export type State = { readonly listed: readonly string[]; readonly changes: ReadonlyMap<string, number> }

/** The size of each version of a package is within this fraction of the size in the index. */
const sizeChange = 0.02

/**
 * The closure of an image as Nix would give it. The hash of a path covers its name, its version, the number of its
 * changes, and the hashes of its references, so that a change also changes every path that needs it.
 */
export const imageClosure = ({ listed, changes }: State, all: Packages): Closure => {
  const paths = new Map<string, StorePath>()
  const infos: ClosurePath[] = []
  // A package comes after everything that it needs.
  for (const info of withNeeds(listed, all).values()) {
    const count = changes.get(info.source) ?? 0
    const references = info.needs.map((need) => paths.get(need) as StorePath).sort()
    const digest = hexOf([info.name, info.version, count, ...references].join(' '))
    const path: StorePath = `/nix/store/${digest.slice(0, 32).replaceAll('e', 'z')}-${info.name}-${info.version}.${count}`
    paths.set(info.name, path)
    infos.push({
      path,
      narHash: `sha256-${Buffer.from(digest, 'hex').toString('base64')}` as NarHash,
      narSize: sizeOf(info, count),
      closureSize: 0,
      references,
    })
  }
  infos.sort((a, b) => (a.path < b.path ? -1 : 1))
  return {
    paths: new Map(infos.map((info) => [info.path, info])),
    roots: listed.map((name) => paths.get(name) as StorePath),
  }
}

const sizeOf = ({ name, size }: Package, count: number): number =>
  Math.round(size * (1 + sizeChange * (Number.parseInt(hexOf(`${name} ${count}`).slice(0, 6), 16) / 0x800000 - 1)))

const hexOf = (text: string): string => createHash('sha256').update(text).digest('hex')
