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

/** `doing` says what failed, as in "The packages cannot be evaluated", and `config` is what `nixpkgs-config` has. */
type Circumstances = {
  readonly doing: string
  readonly config: NixpkgsConfig
  readonly ask: (questions: Questions) => Promise<Answers>
}

/** Sentences by the names that were asked for, and one that is about all of them, if it is needed. */
export type Told = { readonly sentences: ReadonlyMap<string, string>; readonly together: readonly string[] }

/**
 * Says why packages cannot be evaluated. `errors` are by the names that were asked for. Names that fail for the same
 * reason share a sentence, which is that of the first one. The package set is asked once, for what the advice needs.
 */
export const tellFailures = async (
  errors: ReadonlyMap<string, CommandError>,
  { doing, config, ask }: Circumstances,
): Promise<Told> => {
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
    const { alternatives, families } = hintsFor(attr)
    const atTop = /top.level/.test(message) ? [attr.slice(attr.lastIndexOf('.') + 1)] : []
    return { packages: [...replacementsIn(message, attr), ...alternatives.flat(), ...atTop], families }
  })
  const questions = {
    packages: [...new Set(offers.flatMap(({ packages }) => packages))],
    families: [...new Set(offers.flatMap(({ families }) => families))],
    options: all.some(({ refusal }) => refusal && refusal.settings.length > 1) ? newerOptions : [],
  }
  const isAsked = Object.values(questions).some((names) => names.length > 0)
  const has = isAsked ? await ask(questions) : nothing
  const settings = all.flatMap(({ refusal }) => (refusal ? [settingOf(refusal, has.options)] : []))
  const sentences = all.map(({ attrs, said, refusal }, index) => {
    const hint = refusal
      ? refusal.advice(writtenConfig(config, settingOf(refusal, has.options)))
      : hintFor({ attrs, said }, offers[index], has)
    const names = attrs.map((attr) => shortened(attr, 200)).join(', ')
    return `${doing}: package${attrs.length > 1 ? 's' : ''} ${names}: ${said}; ${hint}.`
  })
  const one = settings.every((setting) => isDeepStrictEqual(setting, settings[0]))
  const together = one ? [] : [`With all of these: ${writtenConfig(config, settings.reduce(merged, {}))}.`]
  return { sentences: new Map(all.map(({ attrs: [attr = ''] }, index) => [attr, sentences[index] ?? ''])), together }
}

/** The best setting that the set takes. */
const settingOf = ({ settings }: Refusal, options: readonly string[]): NixpkgsConfig =>
  settings.find((setting) =>
    Object.keys(setting).every((key) => !newerOptions.includes(key) || options.includes(key)),
  ) ?? {}

/** The names that may be meant by one that was removed. */
type Offers = Pick<Questions, 'packages' | 'families'>

const hintFor = (
  { attrs: [attr = ''], said }: Pick<Failure, 'attrs' | 'said'>,
  offers: Offers | undefined,
  has: Answers,
): string => {
  const instead = [...new Set(offers?.packages)].filter((name) => has.packages.includes(name))
  if (instead.length > 0) return `write ${instead.map((name) => `\`${name}\``).join(' or ')}`
  const versions = offers?.families.flatMap((family) => has.versions.get(family) ?? []) ?? []
  if (versions.length > 0) return versionsFor(attr, versions)
  if (attr.endsWith(')') && /found a function|is a function while/.test(said))
    return 'it does not take its modules as `python3.withPackages` does; call it in the default.nix of your own package set, and name what it returns'
  if (isRemoval(said)) return 'leave it out, or name an older `nixpkgs` that has it'
  return adviceFor(said) ?? 'see the log above'
}
