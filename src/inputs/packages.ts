import type { Problem } from './problem.ts'

/** Names that stand for several packages. */
const metaPackages: ReadonlyMap<string, readonly string[]> = new Map([
  ['shell', ['bashInteractive', 'coreutils', 'moreutils', 'nano']],
])

/** Names as Nix writes them without quotes, and those that start with a digit, which the look-up puts `_` before. */
const attributePath = /^[a-zA-Z0-9_][a-zA-Z0-9_'-]*(\.[a-zA-Z0-9_][a-zA-Z0-9_'-]*)*$/

/**
 * The attribute paths in the `packages` input, in their order, each once; meta-packages are replaced by what they stand
 * for. A path goes to Nix as data, so that this check is for the person who wrote it: what it refuses would be found
 * nowhere.
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
