import type { Problem } from './problem.ts'
import { isCall, readCall } from './read-call.ts'

/** Names that stand for several packages. */
const metaPackages: ReadonlyMap<string, readonly string[]> = new Map([
  ['shell', ['bashInteractive', 'coreutils', 'moreutils', 'nano']],
])

/** A part that Nix writes without quotes, or that starts with a digit, before which the look-up puts `_`. */
const plainPart = "[a-zA-Z0-9_][a-zA-Z0-9_'+-]*"
const part = String.raw`(?:${plainPart}|"[^"\\\p{Cc}]+")`
const attributePath = new RegExp(String.raw`^${part}(?:\.${part})*$`, 'u')

/** A name with a version, as other package managers write it. No set has it, and the evaluation says what it has. */
const withVersion = new RegExp(String.raw`^${part}(?:\.${part})*(?:[@:]|[=<>~^!]=?=?)[\w.+-]+$`, 'u')

/**
 * A quoted part may have commas and blanks in it, and so has what is in parentheses, where Nix has some inside. Where
 * blanks begin is said so that they are read once.
 */
const word = /(?:"[^"\n]*"|(?:(?<![ \t])[ \t]+)?\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|[^\s,])+/g

/**
 * The names in the `packages` input, in their order, each once; a meta-package is replaced by the packages that it
 * stands for. A name is an attribute path, whose parts are quoted where they have to be, as in
 * `nodePackages."@angular/cli"`, or one of a function with the names of modules, as in
 * `python3.withPackages(requests, numpy)`. A name goes to Nix as data, so this check protects nothing: it only finds
 * early that a name cannot be one of a package.
 */
export const parsePackages = (text: string, problem: Problem): string[] => {
  const words = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .match(word)
  const names = (words ?? []).map((name) =>
    isCall(name) ? readCall(withoutQuotes(name), isAttributePath) : readName(name),
  )
  const wrong = new Set(names.flatMap((name) => ('wrong' in name ? [name.wrong] : [])))
  for (const sentence of wrong) problem(sentence)
  if (names.length === 0)
    problem(
      '`packages` names no package; list attribute paths of nixpkgs, as in `packages: bashInteractive coreutils git`.',
    )
  const right = names.flatMap((name) => ('name' in name ? [withoutQuotes(name.name)] : []))
  return [...new Set(right.flatMap((name) => metaPackages.get(name) ?? [name]))]
}

const isAttributePath = (name: string): boolean => attributePath.test(name)

const readName = (name: string): { name: string } | { wrong: string } => {
  if (isAttributePath(name) || withVersion.test(name)) return { name }
  if (name.startsWith('#'))
    return { wrong: '`packages` has a `#` behind a name; write comments in lines of their own.' }
  const [start = ''] = name.split(/[()]/)
  if (start !== name && isAttributePath(start))
    return {
      wrong: `\`packages\` has ${JSON.stringify(name)}, whose parentheses do not match or have more behind them; write names as in \`python3.withPackages(requests, numpy)\`.`,
    }
  const [, attr = ''] = /#(.+)$/.exec(name) ?? []
  return {
    wrong:
      isAttributePath(attr) || withVersion.test(attr)
        ? `\`packages\` has ${JSON.stringify(name)}; write \`${attr}\`, since the input \`nixpkgs\` says where packages come from.`
        : `\`packages\` has ${JSON.stringify(name)}, which is no attribute path; write names as nixpkgs has them, joined by dots, as in \`git phpPackages.composer\`.`,
  }
}

/** The path without the quotes that it does not need, so that one package has one name. */
const withoutQuotes = (name: string): string =>
  name.replaceAll(/"([^"]*)"/g, (quoted, inner: string) => (new RegExp(`^${plainPart}$`).test(inner) ? inner : quoted))
