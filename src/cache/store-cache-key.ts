import { createHash } from 'node:crypto'
import type { Evaluation } from '../nix/evaluate.ts'
import type { SandboxMode } from '../nix/sandbox.ts'
import type { Platform } from '../oci/platform.ts'

/**
 * The prefixes of keys by which an entry with store paths is found, the best match first. `parts` is what they are
 * composed of, for the log.
 */
export type StoreCacheKey = {
  readonly parts: Readonly<Record<string, string>>
  readonly prefixes: readonly [string, ...string[]]
}

/** The facts that decide which store paths a run needs, and who may have built them. */
type StoreCacheRequest = {
  readonly evaluation: Pick<Evaluation, 'nativeSystem' | 'packages'>
  readonly platforms: readonly Platform[]
  readonly sandbox: SandboxMode
}

/** Changes when older entries cannot be used any more. */
const format = 'v2'

/**
 * Runs with another sandbox setting never share entries. A run for another package or platform still finds most of what
 * it needs in an entry of the same image, and some of it in an entry of another image.
 */
export const storeCacheKey = ({ evaluation, platforms, sandbox }: StoreCacheRequest, image: string): StoreCacheKey => {
  const packages = JSON.stringify(evaluation.packages)
  const parts = { format, sandbox, system: evaluation.nativeSystem, image, platforms: platforms.join(' '), packages }
  const ofSystem = `nix-image-store-${format}-${sandbox}-${evaluation.nativeSystem}-`
  const ofImage = `${ofSystem}${shortHash(image)}-`
  return { parts, prefixes: [`${ofImage}${shortHash(parts.platforms, packages)}-`, ofImage, ofSystem] }
}

export const shortHash = (...texts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16)
