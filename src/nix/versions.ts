import { list, optional, record, string } from '../lib/check.ts'
import { numbersOf, wantedVersion } from './other-names.ts'

/** A package of a set, with its version, which may be empty, and why the set refuses it, as in `insecure`. */
export type VersionedName = { readonly attr: string; readonly version: string; readonly refused: readonly string[] }

/** Checks an item of what `nix/lib/versions.nix` gives. Throws an `Error` that names the wrong field. */
export const parseVersionedName = (value: unknown, what: string): VersionedName => {
  const { attr, version, refused } = record(value, what)
  return {
    attr: string(attr, `${what}.attr`),
    version: string(version, `${what}.version`),
    refused: optional(list(string))(refused, `${what}.refused`) ?? [],
  }
}

/**
 * Advice for somebody who wrote `name` with a version: the package that has this version, or else those that are there.
 * Of several, those with the same first numbers are named alone.
 */
export const versionsFor = (name: string, there: readonly VersionedName[]): string => {
  const wanted = wantedVersion(name)
  const inCommon = ({ version }: VersionedName): number => {
    const numbers = numbersOf(version)
    const end = wanted.findIndex((number, index) => number !== numbers[index])
    return end < 0 ? wanted.length : end
  }
  const most = Math.max(...there.map(inCommon))
  const unique = [...new Map(there.map((versioned) => [versioned.attr, versioned])).values()]
  const [only, ...others] = unique.filter((versioned) => inCommon(versioned) === most)
  if (!only) return ''
  if (others.length === 0 && most > 0 && most === wanted.length)
    return `write \`${only.attr}\`, which is ${[only.version, ...only.refused].join(' and ')}`
  const shown = [only, ...others].map(({ attr, version, refused }) => {
    const what = [version, ...refused].filter((text) => text !== '').join(', ')
    return `\`${attr}\`${what && ` (${what})`}`
  })
  return `there ${others.length > 0 ? 'are' : 'is'} ${shown.join(', ')}`
}
