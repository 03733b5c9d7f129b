import type { Problem } from './problem.ts'

/** Names that stand for several packages. */
const metaPackages: ReadonlyMap<string, readonly string[]> = new Map([
  ['shell', ['bashInteractive', 'coreutils', 'moreutils', 'nano']],
])

/** Names that Nix writes without quotes, and names that start with a digit, before which the look-up puts `_`. */
const attributePath = /^[a-zA-Z0-9_][a-zA-Z0-9_'-]*(\.[a-zA-Z0-9_][a-zA-Z0-9_'-]*)*$/

/**
 * The attribute paths in the `packages` input, in their order, each once; a meta-package is replaced by the packages
 * that it stands for. A path goes to Nix as data, so this check protects nothing: it only finds early that a name
 * cannot be one of a package.
 */
export const parsePackages = (text: string, problem: Problem): string[] => {
  const names = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(/[\s,]+/))
    .filter((name) => name !== '')
  const wrong = names.filter((name) => !attributePath.test(name))
  if (wrong.includes('#')) problem('`packages` has a `#` behind a name; write comments in lines of their own.')
  for (const name of new Set(wrong.filter((name) => name !== '#')))
    problem(
      `\`packages\` has ${JSON.stringify(name)}, which is no attribute path; write names as nixpkgs has them, joined by dots, as in \`git python3Packages.requests\`.`,
    )
  if (names.length === 0)
    problem(
      '`packages` names no package; list attribute paths of nixpkgs, as in `packages: bashInteractive coreutils git`.',
    )
  return [...new Set(names.flatMap((name) => metaPackages.get(name) ?? [name]))]
}
