import { randomUUID } from 'node:crypto'
import { stripVTControlCharacters } from 'node:util'
import { list, optional, parseJson, record, string } from '../lib/check.ts'
import { CommandError } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import { addToStore } from './add-to-store.ts'
import { explainNix } from './explain.ts'
import type { Nix } from './nix.ts'
import type { FetchedSource } from './source.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/**
 * `derivation` describes the image. `tools` are the programs that build it, as the package set gives them; they should
 * be store paths. `unreadable` is what packages say about themselves and what cannot be evaluated.
 */
export type EvaluatedImage = {
  readonly derivation: StorePath
  readonly tools: readonly string[]
  readonly unreadable: readonly UnreadableField[]
}

/** A field of a package, as `{ attr: 'hello', field: 'meta.license' }`. */
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
 * Pure evaluation cannot read files, but it can read a store path whose hash is given. The expression is constant, and
 * only its arguments differ from run to run, so that no text of a user is read as Nix.
 */
const expression = `
  { nixPath, nixHash, ... }@arguments:
  let
    nix = builtins.path { name = "nix-image-action"; path = nixPath; sha256 = nixHash; };
    result = import (nix + "/build-image.nix") (
      removeAttrs arguments [ "nixPath" "nixHash" ] // { loadPkgs = nix + "/load-pkgs.nix"; }
    );
  in
  if result ? error then { inherit (result) error pkgs; } else { inherit (result) drvPath tools; }
`

/** In bytes. The answer has a few store paths, or the wrong names with some similar ones. */
const outputLimit = 8_000_000

/**
 * Evaluates `nix/build-image.nix`, whose derivation describes the image. Builds nothing. Throws a `UserError` with all
 * names that are unknown or are no packages, or one if the package set cannot be evaluated.
 */
export const evaluateImage = async (request: EvaluationRequest, nix: Nix): Promise<EvaluatedImage> => {
  const { source, system, nativeSystem, config, packages } = request
  const own = await addToStore(nix, request.nixDirectory, 'nix-image-action').catch((error) => {
    throw explainNix(error, 'Nix cannot write to its store')
  })
  const strings = {
    nixPath: own.path,
    nixHash: own.narHash,
    srcType: source.srcType,
    srcArgs: JSON.stringify(source.srcArgs),
    importArgs: JSON.stringify({ config }),
    packages: JSON.stringify(packages),
    system,
    nativeSystem,
  }
  const args = [
    '--eval',
    '--strict',
    '--json',
    '--read-write-mode',
    '--show-trace',
    ...['--option', 'pure-eval', 'true'],
    ...['--option', 'allow-import-from-derivation', 'false'],
    ...['--expr', expression],
    ...Object.entries(strings).flatMap(([name, value]) => ['--argstr', name, value]),
  ]
  const { answer, unreadable } = await evaluateReadable(args, nix).catch((error) => {
    throw explainNix(error, `The packages cannot be evaluated from ${source.description}`)
  })

  const result = record(parseJson(answer, 'the evaluation'), 'the evaluation')
  if (result['error'] !== undefined) {
    const unknown = list(record)(result['pkgs'], 'pkgs')
    throw new UserError(unknown.map((entry) => whatIsWrong(entry, request)).join('\n'))
  }
  return {
    derivation: parseStorePath(string(result['drvPath'], 'drvPath'), 'drvPath'),
    tools: list(string)(result['tools'], 'tools'),
    unreadable,
  }
}

/**
 * Evaluates again without what ended the evaluation, as long as that is something which a package says about itself.
 * `nix/lib/read-field.nix` says why Nix cannot go on by itself. Throws the error of Nix for anything else.
 */
const evaluateReadable = async (
  args: readonly string[],
  nix: Nix,
  marker: string = randomUUID(),
  unreadable: readonly UnreadableField[] = [],
): Promise<{ readonly answer: string; readonly unreadable: readonly UnreadableField[] }> => {
  const given = [...args, '--argstr', 'marker', marker, '--argstr', 'unreadable', JSON.stringify(unreadable)]
  try {
    return { answer: await nix('nix-instantiate', given, { outputLimit }), unreadable }
  } catch (error) {
    const fault = unreadableFieldIn(error, marker)
    const isKnown = unreadable.some(({ attr, field }) => attr === fault?.attr && field === fault.field)
    if (!fault || isKnown || unreadable.length === mostUnreadable) throw error
    return evaluateReadable(args, nix, marker, [...unreadable, fault])
  }
}

/** Each costs an evaluation. */
const mostUnreadable = 20

/** The field whose evaluation failed. `nix/lib/read-field.nix` adds its name to the trace. */
const unreadableFieldIn = (error: unknown, marker: string): UnreadableField | undefined => {
  if (!(error instanceof CommandError)) return undefined
  const trace = stripVTControlCharacters(error.stderr)
  // Such a fault may be gone the next time.
  if (/unable to download|No space left|timed out|Could not resolve|Connection refused/i.test(trace)) return undefined
  const line = new RegExp(`… while reading ([\\w.]+) of the package '(.+)' \\(${marker}\\)$`, 'm')
  const [, field, attr] = line.exec(trace) ?? []
  return field && attr ? { attr, field } : undefined
}

const whatIsWrong = (entry: Record<string, unknown>, { source, packages }: EvaluationRequest): string => {
  const { description } = source
  const attr = string(entry['attr'], 'attr')
  if (!packages.includes(attr))
    return `\`preset: job-container\` needs ${attr}, which is not in ${description}; name a newer nixpkgs, or write \`preset: default\`.`
  if (entry['reason'] === 'not_a_package')
    return `\`packages\` has ${attr}, which is a ${entry['type']} and not a package in ${description}; name a package, as in \`${attr}.<name>\`.`
  const nearMisses = optional(list(string))(entry['nearMisses'], 'nearMisses') ?? []
  const outputs = optional(list(string))(entry['outputs'], 'outputs') ?? []
  const instead =
    nearMisses.length > 0
      ? `did you mean ${quoted(nearMisses)}?`
      : outputs.length > 0
        ? `the package has the outputs ${quoted(outputs)}.`
        : 'search for the name at https://search.nixos.org/packages.'
  return `\`packages\` has ${attr}, which is not in ${description}; ${instead}`
}

const quoted = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ')
