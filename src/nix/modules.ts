/**
 * Whether an attribute path can be one of a function that takes modules, as `python3.withPackages`,
 * `haskellPackages.ghcWithPackages` and `poetry.withPlugins` are. `nix/lib/call.nix` calls it.
 */
export const takesModules = (path: string): boolean => /(?:^|\.)(?:with|[a-z]\w*With)[A-Z]\w*$/.test(path)

/** The function that adds modules to the interpreter of a language. Sets of other languages have programs in them. */
const functions: ReadonlyMap<string, string> = new Map([
  ...['python', 'pypy', 'perl', 'ruby', 'lua', 'luajit', 'R', 'ghc', 'octave', 'postgresql'].map(
    (language) => [language, 'withPackages'] as const,
  ),
  ['emacs', 'pkgs.withPackages'],
  ['php', 'withExtensions'],
])

/** Languages that are called otherwise in some names. */
const languages: ReadonlyMap<string, string> = new Map([
  ['haskell', 'ghc'],
  ['r', 'R'],
  ['rWrapper', 'R'],
])

/** `python3Packages.x`, `lua54Packages.x`, `rubyPackages_3_4.x`, `rPackages.x`, `php84Extensions.x`. */
const inSet = /^([a-z]+?)([\d_]*)(?:(?<!^php[\d_]*)packages|(?<=^php[\d_]*)extensions)([\d_]*)\.(.+)$/i

/** `python3.pkgs.x`, `ruby.gems.x`, `php.extensions.x`. */
const inInterpreter = /^([a-z]+?)([\d_]*)()\.(?:pkgs|gems|extensions)\.(.+)$/i

/** `python3`, `lua5_4`, `emacs-nox`, and with modules: `python3.withPackages(requests)`. */
const program = /^([a-z]+?)([\d_]*)(?:-[a-z]+)?(?:\.[\w.]*with\w+\((.*)\))?$/i

/** Where a name does not say which version it has, `version` is empty. */
type Interpreter = {
  readonly name: string
  readonly language: string
  readonly version: string
  readonly has: string[]
}

const interpreterIn = (name: string): Interpreter[] => {
  const [, word = '', version = '', has = ''] = program.exec(name) ?? []
  return kindOf(word, version).map((kind) => ({
    name,
    ...kind,
    has: has.split(', ').filter((module) => module !== ''),
  }))
}

const moduleIn = (name: string): { listed: string; module: string; language: string; version: string }[] => {
  const [, word = '', version = '', more = '', module = ''] = inSet.exec(name) ?? inInterpreter.exec(name) ?? []
  return kindOf(word, `${version}${more}`).map((kind) => ({ listed: name, module, ...kind }))
}

const kindOf = (word: string, version: string): { language: string; version: string }[] => {
  const language = languages.get(word) ?? word
  return functions.has(language) ? [{ language, version: version.replaceAll('_', '') }] : []
}

/**
 * Sentences about interpreters that are listed beside modules, as in `python3 python3Packages.requests`. An interpreter
 * finds those modules only that it was put together with: each is in a store path of its own, and what it imports is in
 * others, to which only Nix follows.
 */
export const modulesBeside = (names: readonly string[]): string[] => {
  const interpreters = names.flatMap(interpreterIn)
  const modules = names.flatMap(moduleIn).map((module) => {
    const ofLanguage = interpreters.filter(({ language }) => language === module.language)
    return { ...module, of: ofLanguage.find(({ version }) => version === module.version) ?? ofLanguage[0] }
  })
  return interpreters.flatMap((interpreter) => {
    const { name, language, has } = interpreter
    const beside = modules.filter(({ of }) => of === interpreter)
    if (beside.length === 0) return []
    const path = name.replace(/\..*|Wrapper$/, '')
    const all = [...new Set([...has, ...beside.map(({ module }) => module)])].join(', ')
    const instead = `${path === 'r' ? 'R' : path}.${functions.get(language)}(${all})`
    return `\`${name}\` does not find the modules that are listed beside it, which are in store paths of their own: ${beside.map(({ listed }) => listed).join(', ')}. Write \`${instead}\` in their place.`
  })
}
