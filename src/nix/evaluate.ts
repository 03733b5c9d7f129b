import { randomUUID } from 'node:crypto'
import { stripVTControlCharacters } from 'node:util'
import { list, parseJson, record, string } from '../lib/check.ts'
import { CommandError } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import { type EvaluateFile, evaluatorFor } from './evaluate-file.ts'
import { explained, explainNix } from './explain.ts'
import { type Answers, nothing, type Questions, tellFailures } from './failures.ts'
import type { Nix } from './nix.ts'
import { hintsFor, type NameHints } from './other-names.ts'
import type { FetchedSource } from './source.ts'
import { parseStorePath, type StorePath } from './store-path.ts'
import { parseVersionedName } from './versions.ts'
import { parseWrongName, proposedFor, type WrongName, whatIsWrong } from './wrong-names.ts'

/**
 * `derivation` describes the image. `tools` are the programs that build it, as the package set gives them; they should
 * be store paths. `unreadable` is what packages say about themselves and what cannot be evaluated.
 */
export type EvaluatedImage = {
  readonly derivation: StorePath
  readonly tools: readonly string[]
  readonly unreadable: readonly UnreadableField[]
}

/** A field of a package, as in `meta.license`, that the image is made without. */
type UnreadableField = { readonly attr: string; readonly field: string }

/**
 * An attribute path. A string is one of `packages`, and an object is one of the preset. An `optional` package is left
 * out if the package set does not have it. A package with `linked: false` is in the image's store only.
 */
export type RequestedPackage =
  | string
  | { readonly attr: string; readonly optional?: boolean; readonly linked?: boolean }

/**
 * The part of an evaluation that is the same for all platforms. `nativeSystem` is Nix's name of the machine that
 * builds.
 */
export type Evaluation = {
  readonly nixDirectory: string
  readonly nativeSystem: string
  readonly config: Readonly<Record<string, unknown>>
  readonly packages: readonly RequestedPackage[]
}

/** `system` is Nix's name of the machine that the packages are for. */
export type EvaluationRequest = Evaluation & { readonly source: FetchedSource; readonly system: string }

/**
 * Names that are no packages, and those of the others that throw, or may. Where `isThrown`, the first of them ended the
 * evaluation.
 */
type WrongNames = {
  readonly wrong: readonly WrongName[]
  readonly failing: readonly string[]
  readonly isThrown?: true
}

/** The most packages that end an evaluation, to tell what is wrong with each of them. */
const toldFailures = 20

/**
 * Evaluates `nix/build-image.nix`, whose derivation describes the image. Builds nothing. Throws a `UserError` with a
 * sentence for each name that is unknown, is no package, or cannot be evaluated, or with one for the package set.
 */
export const evaluateImage = async (request: EvaluationRequest, nix: Nix): Promise<EvaluatedImage> => {
  const { packages, config, source } = request
  const evaluate = await evaluatorFor(request, nix)
  const doing = `The packages cannot be evaluated from ${source.description}`
  const result = await evaluateAll(packages, request, evaluate)
  if ('derivation' in result) return result
  const { errors, wrong, fault, hasMore } = result
  if (fault && errors.size === 0 && wrong.length === 0) throw explainNix(fault, doing)
  const inTheirOrder = packages.map(nameOf).flatMap((name): [string, CommandError][] => {
    const error = errors.get(name)
    return error ? [[name, error]] : []
  })
  const told = await tellFailures(new Map(inTheirOrder), wrong.flatMap(proposedFor), {
    doing,
    config,
    ask: (questions) => askSet(questions, evaluate),
    failing: async (names, trial) => {
      const again = await evaluateAll(names, request, (file, args) => evaluate(file, args, { config: trial }))
      return 'derivation' in again ? new Map() : again.errors
    },
  })
  const sentences = new Map(wrong.map((name) => [name.attr, whatIsWrong(name, source.description, packages)]))
  const inOrder = packages.flatMap((item) => sentences.get(nameOf(item)) ?? told.sentences.get(nameOf(item)) ?? [])
  const unknown = fault && explainNix(fault, doing)
  const others = [
    ...(unknown instanceof Error ? [unknown.message] : []),
    ...(hasMore
      ? [`${toldFailures} packages cannot be evaluated; there may be more, which a run tells when these are mended.`]
      : []),
  ]
  throw new UserError([...inOrder, ...told.later, ...others].join('\n'), { cause: [...errors.values()][0] })
}

/**
 * What is wrong with packages: their errors by the names that were asked for, names that are no packages, and the
 * `fault` of what is left, if no package is known to have it. `hasMore` is whether some were not looked at.
 */
type Failed = {
  readonly errors: ReadonlyMap<string, CommandError>
  readonly wrong: readonly WrongName[]
  readonly fault: CommandError | undefined
  readonly hasMore: boolean
}

/**
 * Nix ends with the first package that fails. So the others are evaluated again without it, until none is left that
 * fails.
 */
const evaluateAll = async (
  packages: readonly RequestedPackage[],
  request: Pick<Evaluation, 'nativeSystem'>,
  evaluate: EvaluateFile,
): Promise<EvaluatedImage | Failed> => {
  const errors = new Map<string, CommandError>()
  const wrong: WrongName[] = []
  const failed = { errors, wrong, fault: undefined, hasMore: false }
  let told = 0
  for (let rest = packages; rest.length > 0; ) {
    if (told === toldFailures) return { ...failed, hasMore: true }
    const answer = await evaluatePackages(rest, request, evaluate)
    if ('derivation' in answer) return rest === packages ? answer : failed
    if ('wrong' in answer) {
      wrong.push(...answer.wrong)
      rest = rest.filter((item) => answer.failing.includes(nameOf(item)))
      if (answer.isThrown) told++
      continue
    }
    const { attr } = explained(answer)
    if (attr === undefined || !rest.some((item) => nameOf(item) === attr)) return { ...failed, fault: answer }
    errors.set(attr, answer)
    rest = rest.filter((item) => nameOf(item) !== attr)
    told++
  }
  return failed
}

const nameOf = (item: RequestedPackage): string => (typeof item === 'string' ? item : item.attr)

/** What is left out of an evaluation, since it ended an earlier one. `null` is the hint of such a name. */
type LeftOut = {
  readonly hints: ReadonlyMap<string, NameHints | null>
  readonly unreadable: readonly UnreadableField[]
}

/** Each costs an evaluation. */
const mostUnreadable = 20

/**
 * Returns the error where a package or the set cannot be evaluated. Evaluates again without what ended the evaluation,
 * as long as that is only what a package says about itself, or what is like an unknown name: Nix cannot go on by
 * itself.
 */
const evaluatePackages = async (
  packages: readonly RequestedPackage[],
  { nativeSystem }: Pick<Evaluation, 'nativeSystem'>,
  evaluate: EvaluateFile,
  { hints, unreadable }: LeftOut = { hints: hintsOf(packages), unreadable: [] },
): Promise<EvaluatedImage | WrongNames | CommandError> => {
  // The package set does not know it, so that only nix/lib/read-field.nix writes a line with it.
  const marker = randomUUID()
  const given = {
    packages: JSON.stringify(packages),
    nativeSystem,
    hints: JSON.stringify(Object.fromEntries(hints)),
    unreadable: JSON.stringify(unreadable),
    marker,
  }
  const result = await evaluate('build-image.nix', given).catch(onlyCommandError)
  if (result instanceof CommandError) {
    const again = (leftOut: Partial<LeftOut>) =>
      evaluatePackages(packages, { nativeSystem }, evaluate, { hints, unreadable, ...leftOut })
    const thrown = thrownNameIn(result, marker)
    if (thrown)
      return { wrong: [thrown], failing: packages.map(nameOf).filter((name) => name !== thrown.attr), isThrown: true }
    const fault = unreadableFieldIn(result, marker)
    const isKnown = unreadable.some(({ attr, field }) => attr === fault?.attr && field === fault.field)
    if (fault && !isKnown && unreadable.length < mostUnreadable) return again({ unreadable: [...unreadable, fault] })
    const [, name] = /^\s*… while looking for what '(.+)' may mean$/m.exec(result.stderr) ?? []
    if (name === undefined || !packages.includes(name) || hints.get(name) === null) return result
    return again({ hints: new Map([...hints, [name, null]]) })
  }
  if (result['error'] !== undefined)
    return { wrong: list(parseWrongName)(result['pkgs'], 'pkgs'), failing: list(string)(result['failing'], 'failing') }
  return {
    derivation: parseStorePath(string(result['drvPath'], 'drvPath'), 'drvPath'),
    tools: list(string)(result['tools'], 'tools'),
    unreadable,
  }
}

/** The name of a package with modules that are not there. `nix/lib/call.nix` throws it. */
const thrownNameIn = ({ stderr }: CommandError, marker: string): WrongName | undefined => {
  const thrown = new RegExp(`wrong name \\(${marker}\\) (\\{.*\\})$`, 'm').exec(stripVTControlCharacters(stderr))
  return thrown?.[1] === undefined ? undefined : parseWrongName(parseJson(thrown[1], 'a wrong name'), 'a wrong name')
}

/** The field whose evaluation failed. `nix/lib/read-field.nix` adds its name to the trace. */
const unreadableFieldIn = ({ stderr }: CommandError, marker: string): UnreadableField | undefined => {
  const trace = stripVTControlCharacters(stderr)
  // Such a fault may be gone the next time.
  if (/unable to download|No space left|timed out|Could not resolve|Connection refused/i.test(trace)) return undefined
  const line = new RegExp(`… while reading ([\\w.]+) of the package '(.+)' \\(${marker}\\)$`, 'm')
  const [, field, attr] = line.exec(trace) ?? []
  return field && attr ? { attr, field } : undefined
}

/** How long the hints may be, in characters. Linux takes arguments of up to 128 KiB. */
const hintsLimit = 60_000

const hintsOf = (packages: readonly RequestedPackage[]): ReadonlyMap<string, NameHints | null> => {
  const hints = new Map<string, NameHints>()
  let size = 0
  for (const name of packages) {
    if (typeof name !== 'string') continue
    const hint = hintsFor(withoutFunction(name))
    size += JSON.stringify([name, hint]).length
    if (hint.alternatives.length + hint.families.length + hint.maybe.length > 0 && size < hintsLimit)
      hints.set(name, hint)
  }
  return hints
}

/** Of `python3.withPackages(requests)`, `python3`. */
const withoutFunction = (name: string): string => name.replace(/\.\w+\([^"]*\)$/, '')

/** What a set has of what it is asked. This is for advice, so that a set that cannot answer has nothing. */
const askSet = async (questions: Questions, evaluate: EvaluateFile): Promise<Answers> => {
  const answer = await evaluate('ask.nix', { questions: JSON.stringify(questions) }).catch(onlyCommandError)
  if (answer instanceof CommandError) return nothing
  const versions = Object.entries(record(answer['versions'], 'versions'))
  return {
    packages: list(string)(answer['packages'], 'packages'),
    options: list(string)(answer['options'], 'options'),
    versions: new Map(versions.map(([name, value]) => [name, list(parseVersionedName)(value, name)])),
  }
}

const onlyCommandError = (error: unknown): CommandError => {
  if (error instanceof CommandError) return error
  throw error
}
