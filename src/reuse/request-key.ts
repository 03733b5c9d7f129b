import { createHash } from 'node:crypto'
import { isRecord } from '../lib/check.ts'
import type { NarHash } from '../nix/nar-hash.ts'
import type { Platform } from '../oci/platform.ts'
import type { Plan } from '../plan.ts'

/** Must be changed when the same request gives other layers, after a change in grouping, packing or the base layer. */
const formatVersion = 3

/**
 * Everything that decides which layers an image has, by name. Nothing in it changes from commit to commit. `content` is
 * the NAR hash of the package set. Before that is known, it is the set as it is written; such a key names records, but
 * finds no image. `ownNix` is the hash of the action's own `nix/` folder.
 */
export const requestParts = (
  { image, nix }: Pick<Plan, 'image' | 'nix'>,
  platform: Platform,
  content: string,
  ownNix: NarHash,
): Readonly<Record<string, string>> => ({
  format: `${formatVersion}`,
  platform,
  packages: JSON.stringify(image.evaluation.packages),
  nixpkgs: content,
  'nixpkgs-config': canonicalJson(image.evaluation.config),
  'nix-config': nixConfigOf(nix.config),
  sandbox: nix.sandbox,
  'base layer': JSON.stringify(image.base),
  layering: image.layering,
  popularity: image.popularity.size > 0 ? sha256(JSON.stringify([...image.popularity])) : 'none',
  'layers for store paths': `${image.layerBudget}`,
  compression: image.layerFormat,
  "the action's nix/": ownNix,
})

/** The request key: 64 hex digits that identify the layers of an image before anything is evaluated. */
export const requestKey = (parts: Readonly<Record<string, string>>): string =>
  sha256(JSON.stringify(Object.entries(parts)))

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Settings that say how something is fetched, not what it is. With a token, they would differ in each job. */
const credentials = /^\s*(extra-)?(access-tokens|netrc-file)\s*=/

/** A hash, since the log shows the parts of the key, and a URL in the settings may hold a password. */
const nixConfigOf = (nixConfig: string): string => {
  const lines = nixConfig.split('\n').filter((line) => line.trim() !== '' && !credentials.test(line))
  return lines.length > 0 ? sha256(lines.join('\n')) : 'none'
}

/** JSON that does not depend on the order of the names in an object. */
const canonicalJson = (value: unknown): string => JSON.stringify(withSortedNames(value))

const withSortedNames = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withSortedNames)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, withSortedNames(value[name])]),
  )
}
