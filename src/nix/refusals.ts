import { isDeepStrictEqual } from 'node:util'

/** JSON that a user gives as `nixpkgs-config`. */
export type NixpkgsConfig = Readonly<Record<string, unknown>>

/** What nixpkgs says of a package that it does not evaluate, and what lets it. */
export type Refusal = {
  /** Additions to `nixpkgs-config`. The first is best, and the last is for sets that do not know the others. */
  readonly settings: readonly [NixpkgsConfig, ...NixpkgsConfig[]]
  /** The advice; `written` is the input as YAML takes it. */
  readonly advice: (written: string) => string
}

/** The options that not every set has; a refusal's settings with others are taken as they are. */
export const newerOptions: readonly string[] = ['allowUnfreePackages']

/**
 * Reads the message of an error as nixpkgs says it since 26.05, or as it said it since 2013. Returns nothing for other
 * messages. Source: pkgs/stdenv/generic/check-meta.nix and problems.nix of nixpkgs.
 */
export const refusalIn = (message: string): Refusal | undefined => {
  const [, name = ''] = /\b[Pp]ackage ['‘"]([^'’"]+)['’"]/.exec(message) ?? []
  const pname = nameAlone(name, message)
  const all = { allowUnfree: true }
  if (/has an unfree license/.test(message))
    return {
      settings: pname ? [{ allowUnfreePackages: [pname] }, all] : [all],
      advice: (written) => `write ${written} if you may use it`,
    }
  if (/marked as insecure/.test(message) && name)
    return {
      settings: [{ permittedInsecurePackages: [name] }],
      advice: (written) => `choose another version, or write ${written} if you accept the risk`,
    }
  const problems = [...message.matchAll(/^\s*- ([\w-]+)(?: \(kind "[\w-]+"\))?: /gm)].map(([, problem = '']) => problem)
  const has = /has problems:/.test(message) ? problems : []
  if (/is marked as broken/.test(message) || isDeepStrictEqual(has, ['broken']))
    return { settings: [{ allowBroken: true }], advice: (written) => `leave it out, or write ${written} to try it` }
  if (has.length > 0 && pname)
    return {
      settings: [{ problems: { handlers: { [pname]: Object.fromEntries(has.map((problem) => [problem, 'warn'])) } } }],
      advice: (written) => `leave it out, or write ${written} to use it all the same`,
    }
  if (/is not available on the requested hostPlatform|is not supported on ['‘]/.test(message))
    return {
      settings: [{ allowUnsupportedSystem: true }],
      advice: (written) => `${platformsIn(message)}leave it out, or write ${written} to try it`,
    }
  const [, option = '', accept = ''] = /\b([\w-]+)\.(accept_license|acceptLicense)\b/.exec(message) ?? []
  if (option)
    return {
      settings: [{ [option]: { [accept]: true } }],
      advice: (written) => `write ${written} if you accept that licence`,
    }
  return undefined
}

/**
 * The name without the version, as nixpkgs has it in lists of packages. The message says it in its own advice; where it
 * does not, the version begins with the first `-` before no letter, as in Nix's `parseDrvName`.
 */
const nameAlone = (name: string, message: string): string => {
  const [, said] =
    /getName pkg\) \[\s*"([^"]+)"/.exec(message) ?? /^\s*("?)([\w.-]+)\1\.[\w-]+ = "warn"/m.exec(message) ?? []
  return said || name.replace(/-[^a-zA-Z].*$/, '')
}

/** At most so many platforms are named; most packages are for dozens. */
const shownPlatforms = 8

const platformsIn = (message: string): string => {
  const [, here] = /hostPlatform\.(?:system|config) = "([^"]+)"/.exec(message) ?? []
  const [, list = ''] = /meta\.platforms = \[([^\]]*)\]/.exec(message) ?? []
  const platforms = [...list.matchAll(/"([\w.-]+)"/g)].map(([, platform = '']) => platform)
  // The action builds for Linux alone.
  const own = platforms.filter((platform) => platform.endsWith('-linux'))
  const all = own.length > 0 ? own : platforms
  const more = all.length > shownPlatforms ? [`${all.length - shownPlatforms} more`] : []
  const shown = [...all.slice(0, shownPlatforms), ...more].join(', ')
  if (!here) return shown && `it is for ${shown}; `
  return shown ? `it is for ${shown} and not for ${here}; ` : `it is not for ${here}; `
}

/** `added` put into `config`: lists are appended, and what both have as a set is merged. */
export const merged = (config: NixpkgsConfig, added: NixpkgsConfig): NixpkgsConfig =>
  Object.fromEntries(
    [...new Set([...Object.keys(config), ...Object.keys(added)])].map((key) => {
      const [old, own] = [config[key], added[key]]
      if (own === undefined) return [key, old]
      if (Array.isArray(old) && Array.isArray(own))
        return [key, [...old, ...own.filter((item) => !old.some((other) => isDeepStrictEqual(item, other)))]]
      return [key, isSet(old) && isSet(own) ? merged(old, own) : own]
    }),
  )

const isSet = (value: unknown): value is NixpkgsConfig =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The longest `nixpkgs-config` that a sentence repeats, in characters. */
const shownConfig = 600

/**
 * How `nixpkgs-config` is to be written in a workflow to have `added` too. Without the quotes, YAML would read a
 * mapping. Where what is there already is long, only the addition is written.
 */
export const writtenConfig = (config: NixpkgsConfig, added: NixpkgsConfig): string => {
  const whole = spaced(merged(config, added))
  const isLong = whole.length > shownConfig
  const line = `\`nixpkgs-config: '${(isLong ? spaced(added) : whole).replaceAll("'", "''")}'\``
  return isLong ? `${line}, with what it has now,` : line
}

const spaced = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (!isSet(value)) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${spaced(member)}`)
  return members.length > 0 ? `{ ${members.join(', ')} }` : '{}'
}
