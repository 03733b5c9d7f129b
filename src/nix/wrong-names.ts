import { list, optional, record, string } from '../lib/check.ts'
import { takesModules } from './modules.ts'
import { parseVersionedName, type VersionedName, versionsFor } from './versions.ts'

/** A name that is no package, and what may be meant by it, as `nix/lib/suggest.nix` gives it. */
export type WrongName = {
  readonly attr: string
  readonly reason: string
  readonly nearMisses: readonly string[]
  /** Names that are meant together. */
  readonly alternative: readonly string[]
  readonly versions: readonly VersionedName[]
  readonly package: string | undefined
  readonly outputs: readonly string[]
  readonly type: string
  readonly members: readonly string[]
  /** The function that was asked for these modules, and does not have them. */
  readonly called: string
  readonly modules: readonly MissingModule[]
}

type MissingModule = { readonly name: string; readonly nearMisses: readonly string[]; readonly isPackage: boolean }

/** Checks one of `pkgs` in the answer of `nix/build-image.nix`. Throws an `Error` that names the wrong field. */
export const parseWrongName = (value: unknown, what: string): WrongName => {
  const fields = record(value, what)
  const strings = (name: string): readonly string[] => optional(list(string))(fields[name], `${what}.${name}`) ?? []
  return {
    attr: string(fields['attr'], `${what}.attr`),
    reason: string(fields['reason'], `${what}.reason`),
    nearMisses: strings('nearMisses'),
    alternative: strings('alternative'),
    versions: optional(list(parseVersionedName))(fields['versions'], `${what}.versions`) ?? [],
    package: optional(string)(fields['package'], `${what}.package`),
    outputs: strings('outputs'),
    type: optional(string)(fields['type'], `${what}.type`) ?? 'value',
    members: strings('members'),
    called: optional(string)(fields['called'], `${what}.called`) ?? '',
    modules: optional(list(parseMissingModule))(fields['modules'], `${what}.modules`) ?? [],
  }
}

const parseMissingModule = (value: unknown, what: string): MissingModule => {
  const { name, nearMisses, isPackage } = record(value, what)
  return {
    name: string(name, `${what}.name`),
    nearMisses: list(string)(nearMisses, `${what}.nearMisses`),
    isPackage: isPackage === true,
  }
}

/**
 * The sentence for a name that is no package. `description` is that of the package set, and `packages` what was asked
 * for: what is not in there as text is a package of the preset.
 */
export const whatIsWrong = (name: WrongName, description: string, packages: readonly unknown[]): string => {
  const { attr, reason, type } = name
  if (!packages.includes(attr))
    return `\`preset: job-container\` needs ${attr}, which is not in ${description}; name a newer nixpkgs, or write \`preset: default\`.`
  if (reason === 'no_module')
    return name.modules.map((module) => whatIsMissing(module, name.called, description)).join('\n')
  if (reason === 'no_function')
    return `\`packages\` has ${attr}, which leads to no package with modules in ${description}; ${insteadOfFunction(name)}`
  return reason === 'not_a_package'
    ? `\`packages\` has ${attr}, which is ${kinds.get(type) ?? `a ${type}`} and not a package in ${description}; ${insteadOfValue(name)}`
    : `\`packages\` has ${attr}, which is not in ${description}; ${insteadOfUnknown(name)}`
}

/** The names that the sentence says to write. Where it only asks whether they are meant, there are none. */
export const proposedFor = ({ reason, alternative }: WrongName): readonly string[] =>
  reason === 'not_found' ? alternative : []

const search = 'search for the name at https://search.nixos.org/packages.'
const searchPackage = 'name a package, which https://search.nixos.org/packages helps to find.'

/** What Nix calls values whose type does not say it. */
const kinds: ReadonlyMap<string, string> = new Map([
  ['int', 'a number'],
  ['float', 'a number'],
  ['bool', 'true or false'],
  ['null', 'null'],
])

const whatIsMissing = (module: MissingModule, called: string, description: string): string => {
  const instead =
    module.nearMisses.length > 0
      ? `did you mean ${quoted(module.nearMisses)}?`
      : module.isPackage
        ? `\`${module.name}\` is a package by itself, to be listed beside it.`
        : search
  return `\`packages\` gives \`${called}\` the module ${module.name}, which is not in ${description}; ${instead}`
}

/** `nearMisses` are functions, to which the same modules may be given. */
const insteadOfFunction = ({ attr, nearMisses }: WrongName): string => {
  const modules = attr.slice(attr.lastIndexOf('('))
  return nearMisses.length > 0
    ? `did you mean ${quoted(nearMisses.map((path) => `${path}${modules}`))}?`
    : 'put such a package into the default.nix of your own package set, and name it.'
}

const insteadOfValue = ({ attr, type, package: own, members }: WrongName): string => {
  if (type === 'function' && takesModules(attr))
    return `write the modules behind it in parentheses, as in \`python3.withPackages(requests, numpy)\`.`
  if (type === 'function')
    return own
      ? `write \`${own}\` for that package, or call the function in the default.nix of your own package set.`
      : 'call it in the default.nix of your own package set, and name what it returns.'
  if (members.length > 0) return `name a package in it, as in ${quoted(members)}.`
  return own ? `write \`${own}\` for the package.` : searchPackage
}

const insteadOfUnknown = ({ attr, nearMisses, alternative, versions, package: own, outputs }: WrongName): string => {
  if (alternative.length > 0) return `write \`${alternative.join(' ')}\`.`
  if (versions.length > 0) return `${versionsFor(attr, versions)}.`
  if (nearMisses.length > 0) return `did you mean ${quoted(nearMisses)}?`
  if (own === undefined) return search
  return outputs.length > 1
    ? `the outputs of \`${own}\` are ${quoted(outputs.map((output) => `${own}.${output}`))}.`
    : `\`${own}\` has no other outputs; write \`${own}\`.`
}

const quoted = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ')
