import { publicEndpoints } from './endpoints.ts'
import { knownVersions, type ReleaseReference, releaseUrl } from './release.ts'

/**
 * An out-of-bounds write while an expression is evaluated, and more rights through a repair of the store. The same
 * releases have both. Source: the records of both at cve.org.
 */
const advisories = 'CVE-2026-110449, CVE-2026-110450'

type Product = 'Nix' | 'Lix' | 'Determinate Nix'

/**
 * The affected versions: each from the first one up to the one that has the fix. Series without a fix of their own
 * (2.29, 2.32 and 2.33) are in the range that ends with the next fix. Sources: the records at cve.org; for Determinate
 * Nix, its release notes of 3.23.2.
 */
const affected: Readonly<Record<Product, readonly (readonly [first: string, fixed: string])[]>> = {
  Nix: [
    ['0', '2.28.8'],
    ['2.29', '2.30.6'],
    ['2.31', '2.31.6'],
    ['2.32', '2.34.9'],
    ['2.35', '2.35.3'],
  ],
  Lix: [['0', '2.95.4']],
  'Determinate Nix': [['0', '3.23.2']],
}

/** The day of the fixes, as a pre-release has its day in its version. Pre-releases before it are affected. */
const fixedOn = '20261013'

/** How this run came to a Nix: it has installed one for this `system`, by these inputs, or found it on the PATH. */
export type Origin = {
  readonly installed: ReleaseReference | undefined
  readonly system: string
  /** The versions that `nix-version` takes, the oldest first. */
  readonly known?: readonly string[]
}

/**
 * A sentence about the known vulnerabilities of a Nix and what to do about them, or `undefined` if it has none.
 * `printed` is what `nix-store --version` prints. Nothing is said of a Nix that prints something else.
 */
export const knownVulnerabilities = (
  printed: string,
  { installed, system, known = knownVersions }: Origin,
): string | undefined => {
  const [, name = '', ofDeterminate, ofNix = ''] =
    /^nix-store \((Nix|Lix, like Nix|Determinate Nix (\S+))\) (\S+)$/m.exec(printed) ?? []
  const product = name.startsWith('Nix') ? 'Nix' : name.startsWith('Lix') ? 'Lix' : 'Determinate Nix'
  const version = ofDeterminate ?? ofNix
  const fixed = fixesOf(product, version)
  const [nearest] = fixed
  if (nearest === undefined) return undefined
  const where = installed ? 'this run installs' : 'is on the PATH'
  const fault = `${product} ${version}, which ${where}, has known vulnerabilities (${advisories})`
  const instead = `${fixed.join(' and ')} ${fixed.length > 1 ? 'have' : 'has'} the fixes`
  if (!installed) return `${fault}; ${instead}: update it where it is installed.`
  // Each input that is there may keep the one to write from being taken.
  const inPlaceOf = (...names: (keyof ReleaseReference)[]): string => {
    const given = names.filter((input) => installed[input]).map((input) => `\`nix-${input}\``)
    return given.length > 0 ? ` in place of ${given.join(' and ')}` : ''
  }
  const better = known.findLast((candidate) => !isAffected(candidate))
  // `nix-version` knows only Nix, not what somebody may have chosen instead.
  if (product === 'Nix' && better !== undefined)
    return `${fault}; write \`nix-version: ${better}\`${inPlaceOf('url', 'sha256')}.`
  const url = product === 'Nix' ? `, as in ${releaseUrl(nearest, system, publicEndpoints.releases)}` : ''
  const place = product === 'Nix' ? ', which is at that URL with `.sha256` behind it' : ''
  return `${fault}; ${instead}: give one as \`nix-url\`${url}, and its checksum${place}, as \`nix-sha256\`${inPlaceOf('version')}.`
}

/** Whether a release of Nix, as in `2.34.7`, has known vulnerabilities. */
export const isAffected = (version: string): boolean => fixesOf('Nix', version).length > 0

/** The fixed versions for those who have this one: the nearest, then the newest. Empty if it is not affected. */
const fixesOf = (product: Product, version: string): string[] => {
  const parsed = parse(version)
  if (!parsed) return []
  const newest = affected[product].at(-1)?.[1] ?? ''
  const range = affected[product].find(
    ([first, fixed]) => order(parsed.numbers, numbersOf(first)) >= 0 && isBefore(parsed, numbersOf(fixed)),
  )
  if (range) return [...new Set([range[1], newest])]
  return parsed.day !== undefined && parsed.day < fixedOn ? [newest] : []
}

/** The numbers of a version, whether it comes before the release of these numbers, and its day (`YYYYMMDD`). */
type Version = { readonly numbers: readonly number[]; readonly isEarly: boolean; readonly day: string | undefined }

const parse = (version: string): Version | undefined => {
  const [, numbers, rest = ''] = /^(\d+(?:\.\d+)*)(.*)$/.exec(version) ?? []
  if (numbers === undefined) return undefined
  return { numbers: numbersOf(numbers), isEarly: /^(pre|-)/.test(rest), day: /pre(\d{8})/.exec(rest)?.[1] }
}

const numbersOf = (version: string): number[] => version.split('.').map(Number)

const isBefore = ({ numbers, isEarly }: Version, fixed: readonly number[]): boolean => {
  const difference = order(numbers, fixed)
  return difference < 0 || (difference === 0 && isEarly)
}

/** Negative if `a` comes before `b`, positive if after it. Numbers that are missing count as 0. */
const order = (a: readonly number[], b: readonly number[]): number =>
  [0, 1, 2].map((index) => (a[index] ?? 0) - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0
