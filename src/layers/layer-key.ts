import { createHash } from 'node:crypto'
import type { Closure } from '../graph/closure.ts'
import type { StorePath } from '../nix/store-path.ts'

/**
 * The layer key: 64 hex digits that stand for a layer's bytes before they exist. Of store paths it is the hash of the
 * sorted (store path, narHash) pairs and the format, which says how they are packed and compressed.
 */
export const layerKey = (paths: readonly StorePath[], closure: Closure, format: string): string =>
  keyOf([format, ...paths.toSorted().map((path) => `${path} ${closure.paths.get(path)?.narHash}`)])

/** The layer key of a layer that is known by the digest of its archive. */
export const contentKey = (diffID: string, format: string): string => keyOf([format, diffID])

const keyOf = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex')
