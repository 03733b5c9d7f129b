import { createHash } from 'node:crypto'
import type { Plan } from '../plan.ts'

/**
 * What an entry with store paths is found by: prefixes of keys, the one that fits best first. `parts` is what they are
 * composed of, for the log.
 */
export type StoreCacheKey = {
  readonly parts: Readonly<Record<string, string>>
  readonly prefixes: readonly [string, ...string[]]
}

/** Changes when older entries cannot be used any more. */
const format = 'v2'

/**
 * What was built with less of a sandbox is not for a run that wants more. Another package or platform still finds most of what it needs in the entry of the same image, and some in one of another.
 */
export const storeCacheKey = ({ evaluation, platforms, sandbox }: Plan, image: string): StoreCacheKey => {
  const packages = JSON.stringify(evaluation.packages)
  const parts = { format, sandbox, system: evaluation.nativeSystem, image, platforms: platforms.join(' '), packages }
  const ofSystem = `nix-image-store-${format}-${sandbox}-${evaluation.nativeSystem}-`
  const ofImage = `${ofSystem}${shortHash(image)}-`
  return { parts, prefixes: [`${ofImage}${shortHash(parts.platforms, packages)}-`, ofImage, ofSystem] }
}

export const shortHash = (...texts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16)
