import { knownNames } from './known-names.ts'

/**
 * What may be meant by a name that a package set does not have. `alternatives` are lists of names that are meant
 * together, the best first. `families` are names that sets have with versions behind them, as in `nodejs_20`. `like` is
 * the name without a version, which is to be compared with others. `maybe` are names that are less sure to be meant.
 */
export type NameHints = {
  readonly alternatives: readonly (readonly string[])[]
  readonly families: readonly string[]
  readonly maybe: readonly string[]
  readonly like?: string
}

/** What people write before a name where it is in a set of that name. */
const prefix = /^(?:nixpkgs|pkgs|nixos|unstable|legacyPackages\.[\w-]+|packages\.[\w-]+)\.(?=.)/

/** Notations of npm, Homebrew, Docker, pip, apt, apk and Cargo. The version may be a word. */
const withVersion = /^(.+?)(?:@|:|[=~^<>!]=?=?)v?(\d[\w.-]*|latest|stable|current|lts)$/

/** Debian and Alpine put the version into the name, with more behind it. */
const versionInName =
  /^(.*?[a-z+])[-_]?(\d+(?:[._]\d+)*)(?:_x)?(?:-(?:jdk|jre|cli|fpm|dev|devel|headless|venv|client|server|sdk|minimal|full|common|mbstring|xml|curl|zip|intl|gd|mysql|pgsql))*$/i

/** The hints for a name. They are empty where nothing is known of it. */
export const hintsFor = (name: string): NameHints => {
  const bare = name.replace(prefix, '')
  const { base, numbers } = parseVersion(bare) ?? {}
  const bases = base === undefined ? [] : basesOf(base)
  const isNoted = withVersion.test(bare)
  const names = [
    ...(bare === name ? [] : [bare]),
    ...namesOf(bare),
    ...bases.flatMap((candidate) => (numbers?.length ? versionedNames(candidate, numbers) : [candidate])),
    ...librariesOf(bare),
  ]
  return {
    alternatives: [...new Set(names)].filter((names) => names !== name).map((names) => names.split(' ')),
    families: bases,
    maybe: [...new Set([...inNodePackages(bare), ...likeKnownNames(bare)])].filter((maybe) => maybe !== name),
    ...(base !== undefined && isNoted && { like: base }),
  }
}

/** The numbers of the version that a name has in it, most significant first, or nothing. */
export const wantedVersion = (name: string): readonly string[] => parseVersion(name.replace(prefix, ''))?.numbers ?? []

const parseVersion = (name: string): { base: string; numbers: string[] } | undefined => {
  const [, base, version] = withVersion.exec(name) ?? versionInName.exec(name) ?? []
  return base && version ? { base, numbers: numbersOf(version) } : undefined
}

/** The numbers of a version: 20.11-alpine has 20 and 11. */
export const numbersOf = (version: string): string[] => version.split(/[._-]/).filter((number) => /^\d+$/.test(number))

const inNodePackages = (name: string): string[] => (/^[\w-]+$/.test(name) ? [`nodePackages.${name}`] : [])

const namesOf = (name: string): readonly string[] => knownNames.get(name) ?? knownNames.get(name.toLowerCase()) ?? []

/** What is before a version may be in nixpkgs: itself, what it is known as, and both without a number behind them. */
const basesOf = (base: string): string[] => {
  const known = [base, ...namesOf(base)].filter((name) => !name.includes(' '))
  const unnumbered = known.flatMap((name) => [name, name.replace(/\d+$/, '')])
  // Debian writes `libnss3` for the library of nss 3.
  return [...new Set([...unnumbered, base.replace(/^lib/, '')])].filter((name) => name !== '')
}

/** A library for who builds with it: `libpng-dev` is `libpng` and its headers. A version behind it is left out. */
const librariesOf = (name: string): string[] => {
  const [, library] = /^(.+)-(?:dev|devel|headers)$/.exec(name) ?? []
  if (library === undefined) return []
  const unversioned = library.replace(/-?[\d.]+$/, '')
  const both = [library, unversioned].flatMap((one) => [one, ...namesOf(one)])
  const names = [...both, ...both.map((one) => one.replace(/^lib/, ''))].filter((one) => one !== '')
  return [...new Set(names)].flatMap((one) => [`${one} ${one}.dev`, one])
}

/** Shorter names are like too many others. */
const leastLike = 5

/** What is meant by a known name that this one is, but for one edit. */
const likeKnownNames = (name: string): string[] =>
  name.length < leastLike || knownNames.has(name)
    ? []
    : [...knownNames]
        .filter(([known]) => known.length >= leastLike && isOneEdit(name.toLowerCase(), known))
        .flatMap(([, names]) => names.filter((one) => !one.includes(' ')))

/** Whether a character added, dropped or replaced, or two neighbours swapped, make one of the other. */
const isOneEdit = (a: string, b: string): boolean => {
  const first = [...a].findIndex((character, index) => character !== b[index])
  const start = first < 0 ? a.length : first
  const [restA, restB] = [a.slice(start), b.slice(start)]
  return (
    restA.slice(1) === restB.slice(1) ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA.slice(2) === restB.slice(2) && restA[0] === restB[1] && restA[1] === restB[0])
  )
}

/** How nixpkgs writes a package with its version: `nodejs_20`, `python311`, `go_1_22`, `lua5_4`, `mariadb_1011`. */
const versionedNames = (base: string, numbers: readonly string[]): string[] => {
  const [joined, separated] = [numbers.join(''), numbers.join('_')]
  return [`${base}_${separated}`, `${base}${joined}`, `${base}${separated}`, `${base}_${joined}`]
}
