import { isDeepStrictEqual } from 'node:util'
import type { CommandError } from '../lib/command.ts'
import { shortened } from '../lib/shortened.ts'
import { adviceFor } from './advice.ts'
import { isRemoval, replacementsIn } from './aliases.ts'
import { explained } from './explain.ts'
import { hintsFor } from './other-names.ts'
import { merged, type NixpkgsConfig, newerOptions, type Refusal, refusalIn, writtenConfig } from './refusals.ts'
import { type VersionedName, versionsFor } from './versions.ts'

/** Packages that cannot be evaluated, all for the same reason. */
type Failure = { readonly attrs: string[]; readonly said: string; readonly message: string }

/** What a package set is asked: attribute paths, names in its configuration, and names of `nix/lib/versions.nix`. */
export type Questions = Readonly<Record<'packages' | 'options' | 'families', readonly string[]>>

/** What it has of that. `versions` are by the families. */
export type Answers = Readonly<Record<'packages' | 'options', readonly string[]>> & {
  readonly versions: ReadonlyMap<string, readonly VersionedName[]>
}

/** The answers of a set that has nothing of what it is asked. */
export const nothing: Answers = { packages: [], options: [], versions: new Map() }

/**
 * `doing` says what failed, as in "The packages cannot be evaluated", and `config` is what `nixpkgs-config` has.
 * `failing` evaluates packages with a configuration, and returns the errors of those that fail.
 */
type Circumstances = {
  readonly doing: string
  readonly config: NixpkgsConfig
  readonly ask: (questions: Questions) => Promise<Answers>
  readonly failing: (names: readonly string[], config: NixpkgsConfig) => Promise<ReadonlyMap<string, CommandError>>
}

/** Sentences by the names that were asked for, and those about what fails when their advice is followed. */
export type Told = { readonly sentences: ReadonlyMap<string, string>; readonly later: readonly string[] }

/** How often advice is followed, to tell in one run what the next ones would. Each costs some evaluations. */
const mostFollowed = 3

/**
 * Says why packages cannot be evaluated. `errors` are by the names that were asked for. Names that fail for the same
 * reason share a sentence, which is that of the first one. What the sentences say to write, and what is `proposed` for
 * other names, is evaluated too, since a package may need others that are refused, or be refused for two reasons.
 */
export const tellFailures = async (
  errors: ReadonlyMap<string, CommandError>,
  proposed: readonly string[],
  circumstances: Circumstances,
): Promise<Told> => {
  const { config, failing } = circumstances
  const isTold = new Set<string>()
  const told = await tellOnce(errors, circumstances, 0)
  const later: string[] = []
  const settings = [...told.settings]
  let [following, names] = [errors, [...new Set([...proposed, ...told.proposed])]]
  for (let round = 1; round <= mostFollowed && names.length > 0; round++) {
    for (const [attr, error] of following) isTold.add(`${attr} ${explained(error).message}`)
    const all = settings.reduce(merged, config)
    const again = [...(await failing(names, all))]
    following = new Map(again.filter(([attr, error]) => !isTold.has(`${attr} ${explained(error).message}`)))
    const next = await tellOnce(following, { ...circumstances, doing: 'With that written', config: all }, round)
    later.push(...next.sentences.values())
    settings.push(...next.settings)
    names = [...next.proposed]
  }
  if (!settings.every((setting) => isDeepStrictEqual(setting, settings[0])))
    later.push(`With all of these: ${writtenConfig(config, settings.reduce(merged, {}))}.`)
  return { sentences: told.sentences, later }
}

/** `settings` are the additions to `nixpkgs-config` of the sentences, and `proposed` what is to be evaluated then. */
type Once = Pick<Told, 'sentences'> & {
  readonly settings: readonly NixpkgsConfig[]
  readonly proposed: readonly string[]
}

/** The package set is asked once, for what the advice needs. `round` is how often advice has been followed. */
const tellOnce = async (
  errors: ReadonlyMap<string, CommandError>,
  { doing, config, ask }: Circumstances,
  round: number,
): Promise<Once> => {
  const failures = new Map<string, Failure>()
  for (const [attr, error] of errors) {
    const { said, message } = explained(error)
    // What is there instead of a removed name differs from name to name.
    const reason = isRemoval(message) ? `${attr} ${message}` : message
    const same = failures.get(reason)
    if (same) same.attrs.push(attr)
    else failures.set(reason, { attrs: [attr], said, message })
  }
  const all = [...failures.values()].map((failure) => ({ ...failure, refusal: refusalIn(failure.message) }))
  const offers = all.map(({ attrs: [attr = ''], message, refusal }): Offers => {
    if (refusal || !isRemoval(message)) return { packages: [], families: [] }
    if (attr.endsWith(')')) return { packages: replacedIn(attr, message), families: [] }
    const { alternatives, families } = hintsFor(attr)
    const last = attr.slice(attr.lastIndexOf('.') + 1)
    const atTop = /top.level/.test(message) ? [last, ...hintsFor(last).alternatives.flat()] : []
    return { packages: [...replacementsIn(message, attr), ...alternatives.flat(), ...atTop], families }
  })
  const questions = {
    packages: [...new Set(offers.flatMap(({ packages }) => packages))],
    families: [...new Set(offers.flatMap(({ families }) => families))],
    options: all.some(({ refusal }) => refusal && refusal.settings.length > 1) ? newerOptions : [],
  }
  const isAsked = Object.values(questions).some((names) => names.length > 0)
  const has = isAsked ? await ask(questions) : nothing
  const settings = all.map(({ refusal }) => refusal && settingOf(refusal, has.options, round))
  const instead = offers.map(({ packages }) => [...new Set(packages)].filter((name) => has.packages.includes(name)))
  const sentences = all.map(({ attrs, said, refusal }, index) => {
    const setting = settings[index]
    const hint =
      refusal && setting
        ? refusal.advice(writtenConfig(config, setting))
        : (hintFor({ attrs, said }, { packages: instead[index] ?? [], families: offers[index]?.families ?? [] }, has) ??
          (round > 0 ? 'leave it out' : 'see the log above'))
    const names = attrs.map((attr) => shortened(attr, 200)).join(', ')
    return `${doing}: package${attrs.length > 1 ? 's' : ''} ${names}: ${said}; ${hint}.`
  })
  return {
    sentences: new Map(all.map(({ attrs: [attr = ''] }, index) => [attr, sentences[index] ?? ''])),
    settings: settings.filter((setting) => setting !== undefined),
    proposed: [...new Set([...all.flatMap(({ attrs, refusal }) => (refusal ? attrs : [])), ...instead.flat()])],
  }
}

/** A name with modules, with what a message offers for the module that it is about, or else for what is before them. */
const replacedIn = (attr: string, message: string): string[] => {
  const [, base = '', call = '', inner = ''] = /^(.*?)((?:\.pkgs)?\.\w+)\((.*)\)$/.exec(attr) ?? []
  const modules = inner.split(', ')
  const isNamed = (name: string): boolean => message.split(/[^\w."+-]+/).includes(name)
  const about = modules.find(isNamed)
  return replacementsIn(message, about ?? base).map((offered) =>
    about === undefined
      ? `${offered}${call}(${inner})`
      : `${base}${call}(${[...new Set(modules.map((module) => (module === about ? offered : module)))].join(', ')})`,
  )
}

/** The best setting that the set takes. In the end it is for all packages, since one may need dozens of others. */
const settingOf = ({ settings }: Refusal, options: readonly string[], round: number): NixpkgsConfig =>
  (round < mostFollowed &&
    settings.find((setting) =>
      Object.keys(setting).every((key) => !newerOptions.includes(key) || options.includes(key)),
    )) ||
  (settings.at(-1) ?? {})

/** The names that may be meant by one that was removed. */
type Offers = Pick<Questions, 'packages' | 'families'>

const hintFor = (
  { attrs: [attr = ''], said }: Pick<Failure, 'attrs' | 'said'>,
  { packages, families }: Offers,
  has: Answers,
): string | undefined => {
  if (packages.length > 0) return `write ${packages.map((name) => `\`${name}\``).join(' or ')}`
  const versions = families.flatMap((family) => has.versions.get(family) ?? [])
  if (versions.length > 0) return versionsFor(attr, versions)
  if (attr.endsWith(')') && /found a function|is a function while/.test(said))
    return 'it does not take its modules as `python3.withPackages` does; call it in the default.nix of your own package set, and name what it returns'
  return isRemoval(said) ? 'leave it out, or name an older `nixpkgs` that has it' : adviceFor(said)
}
