import { takesModules } from '../nix/modules.ts'

const call = /^(.*?)[ \t]*\((.*)\)$/s

/** `ps: [ ps.requests ]` or `ps: with ps; [ requests ]`, as Nix has it. */
const nixFunction = /^\s*(\w+)\s*:\s*(?:with\s+\1\s*;)?\s*\[([^[\]()]*)\]\s*$/

const example = '`python3.withPackages(requests, numpy)`'

/** Whether the name has something in parentheses behind it. */
export const isCall = (name: string): boolean => call.test(name)

/**
 * A function with the names of modules, as in `python3.withPackages(requests, numpy)`; white space or commas separate
 * them. Returns it with a comma and a blank between them, each once, or a sentence that says what is wrong with it.
 */
export const readCall = (
  text: string,
  isAttributePath: (name: string) => boolean,
): { readonly name: string } | { readonly wrong: string } => {
  const [, path = '', inner = ''] = call.exec(text) ?? []
  const wrong = (instead: string) => {
    const found = JSON.stringify(text.trim().replaceAll(/\s+/g, ' '))
    return { wrong: `\`packages\` has ${found}${instead}` }
  }
  const [, set = '', list = inner] = nixFunction.exec(inner) ?? []
  const written = list.split(/[\s,]+/).filter((name) => name !== '')
  const modules = [
    ...new Set(written.map((name) => (set && name.startsWith(`${set}.`) ? name.slice(set.length + 1) : name))),
  ]
  const whole = (names: readonly string[]): string => `${path}(${names.join(', ')})`

  if (!isAttributePath(path) || modules.some((name) => !isModule(plain(name), isAttributePath)))
    return wrong(`; in parentheses are names of modules alone, behind a function of the package set, as in ${example}.`)
  if (modules.length === 0) return wrong(`, which names no module; write some, as in ${example}.`)
  if (!takesModules(path))
    return wrong(
      `; modules are in parentheses behind a function that takes them, as in \`${path}.withPackages(${modules.map(plain).join(', ')})\`.`,
    )
  if (set) return wrong(`; write \`${whole(modules)}\`.`)
  if (modules.some((name) => plain(name) !== name))
    return wrong(
      `; write \`${whole(modules.map(plain))}\`, since a package set has each module in one version, under one name.`,
    )
  return { name: whole(modules) }
}

const isModule = (name: string, isAttributePath: (name: string) => boolean): boolean =>
  isAttributePath(name) && !/[\s,()]/.test(name)

/** Without what pip has behind a name, as `==2.31` and `[socks]`, and without the colons of Perl. */
const plain = (name: string): string =>
  name.replace(/(?:\[[\w-]*\])?(?:[=<>~!]=?=?[\w.*+-]+)?$/, '').replaceAll('::', '')
