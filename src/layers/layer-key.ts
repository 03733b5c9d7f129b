import { createHash } from 'node:crypto'
import type { Closure } from '../graph/closure.ts'
import type { StorePath } from '../nix/store-path.ts'

/**
 * The layer key of store paths: 64 hex digits that identify the bytes of a layer before they exist. It is the hash of
 * the sorted (store path, narHash) pairs and of the format, which says how they are packed and compressed.
 */
export const layerKey = (paths: readonly StorePath[], closure: Closure, format: string): string =>
  keyOf([format, ...paths.toSorted().map((path) => `${path} ${closure.paths.get(path)?.narHash}`)])

/** The layer key of a layer with a known digest of its archive. */
export const contentKey = (diffID: string, format: string): string => keyOf([format, diffID])

const keyOf = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex')
