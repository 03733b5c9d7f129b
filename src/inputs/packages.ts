import type { Problem } from './problem.ts'

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

/** A quoted part may have commas and blanks in it. */
const word = /(?:"[^"\n]*"|[^\s,])+/g

/**
 * The attribute paths in the `packages` input, in their order, each once; a meta-package is replaced by the packages
 * that it stands for. Parts are quoted where they have to be, as in `nodePackages."@angular/cli"`. A path goes to Nix
 * as data, so this check protects nothing: it only finds early that a name cannot be one of a package.
 */
export const parsePackages = (text: string, problem: Problem): string[] => {
  const names = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.match(word) ?? [])
  const wrong = new Set(names.filter((name) => !attributePath.test(name) && !withVersion.test(name)))
  const comments = [...wrong].filter((name) => name.startsWith('#'))
  if (comments.length > 0) problem('`packages` has a `#` behind a name; write comments in lines of their own.')
  for (const name of wrong) if (!name.startsWith('#')) problem(whatIsWrong(name))
  if (names.length === 0)
    problem(
      '`packages` names no package; list attribute paths of nixpkgs, as in `packages: bashInteractive coreutils git`.',
    )
  return [...new Set(names.map(withoutQuotes).flatMap((name) => metaPackages.get(name) ?? [name]))]
}

const whatIsWrong = (name: string): string => {
  const [, attr = ''] = /#(.+)$/.exec(name) ?? []
  return attributePath.test(attr) || withVersion.test(attr)
    ? `\`packages\` has ${JSON.stringify(name)}; write \`${attr}\`, since the input \`nixpkgs\` says where packages come from.`
    : `\`packages\` has ${JSON.stringify(name)}, which is no attribute path; write names as nixpkgs has them, joined by dots, as in \`git python3Packages.requests\`.`
}

/** The path without the quotes that it does not need, so that one package has one name. */
const withoutQuotes = (name: string): string =>
  name.replaceAll(/"([^"]*)"/g, (quoted, inner: string) => (new RegExp(`^${plainPart}$`).test(inner) ? inner : quoted))
