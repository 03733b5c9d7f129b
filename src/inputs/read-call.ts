import { takesModules } from '../nix/modules.ts'

/** `ps: [ ps.requests ]` or `ps: with ps; [ requests ]`, as Nix has it, or the list alone. */
const nixList = /^(?:(\w+) ?: ?(?:with \1 ?; ?)?)?\[([^[\]()]*)\]$/

/** What pip has behind a name, as `[socks]` and `>=2.0`. */
const pipSuffix = /\[[\w -]*\]| ?[=<>~!]=?=? ?[\w.*+-]+/g

/** The end of `python3.withpackages`, as nixpkgs does not write it. */
const misspelt = /\.with[_-]?(packages|extensions|plugins)$/i

const example = '`python3.withPackages(requests, numpy)`'

/** Whether the name has something in parentheses behind it. */
export const isCall = (name: string): boolean => name.endsWith(')') && name.includes('(')

/**
 * A function with the names of modules, as in `python3.withPackages(requests, numpy)`; white space or commas separate
 * them. Returns it with a comma and a blank between them, each once, or a sentence that says what is wrong with it.
 */
export const readCall = (
  text: string,
  isAttributePath: (name: string) => boolean,
): { readonly name: string } | { readonly wrong: string } => {
  const found = text.trim().replaceAll(/\s+/g, ' ')
  const wrong = (instead: string) => ({ wrong: `\`packages\` has ${JSON.stringify(found)}${instead}` })
  // In a list of Nix, a function and what it is given are in parentheses together.
  const isWrapped = found.startsWith('(') && isCall(found.slice(1, -1))
  const whole = isWrapped ? found.slice(1, -1) : found
  const start = whole.indexOf('(')
  const path = whole.slice(0, start).trimEnd()
  const inner = whole
    .slice(start + 1, -1)
    .split(/[\s,]+/)
    .join(' ')
    .trim()
  if (/(?:^| )#/.test(inner))
    return wrong('; write comments in lines of their own, which begin with `#`, and names of modules in the others.')

  const [isList, set = '', list = inner] = nixList.exec(inner) ?? []
  const plain = list.replaceAll(pipSuffix, '').replaceAll('::', '')
  const modules = [
    ...new Set(
      plain
        .split(' ')
        .filter((name) => name !== '')
        .map((name) => (set && name.startsWith(`${set}.`) ? name.slice(set.length + 1) : name)),
    ),
  ]
  const call = (name: string): string => `\`${name}(${modules.join(', ')})\``

  if (!isAttributePath(path) || !modules.every((name) => isAttributePath(name) && !/[()]/.test(name)))
    return wrong(`; in parentheses are names of modules alone, behind a function of the package set, as in ${example}.`)
  if (modules.length === 0) return wrong(`, which names no module; write some, as in ${example}.`)
  if (!takesModules(path)) {
    const [end, word = ''] = misspelt.exec(path) ?? []
    if (end)
      return wrong(
        `; write ${call(`${path.slice(0, -end.length)}.with${word.charAt(0).toUpperCase()}${word.slice(1).toLowerCase()}`)}.`,
      )
    return wrong(
      `; modules are in parentheses behind a function that takes them, as in ${call(`${path}.withPackages`)}.`,
    )
  }
  if (plain !== list)
    return wrong(`; write ${call(path)}, since a package set has each module in one version, under one name.`)
  if (isList || isWrapped) return wrong(`; write ${call(path)}.`)
  return { name: `${path}(${modules.join(', ')})` }
}
