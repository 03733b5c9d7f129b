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
  ['rwrapper', 'R'],
])

/** `python3Packages.x`, `lua54Packages.x`, `rubyPackages_3_4.x`, `rPackages.x`, `php84Extensions.x`. */
const inSet = /^([a-z]+?)([\d_]*)(?:(?<!^php[\d_]*)packages|(?<=^php[\d_]*)extensions)([\d_]*)\.(.+)$/i

/** `python3.pkgs.x`, `ruby.gems.x`, `php.extensions.x`. */
const inInterpreter = /^([a-z]+?)([\d_]*)()\.(?:pkgs|gems|extensions)\.(.+)$/i

/** `python3`, `python3Minimal`, `emacs-nox`, and with modules: `python3.withPackages(requests)`. */
const program = /^([a-z]+?)([\d_]*)(?:-?minimal|(?<=^emacs[\d_]*)-[a-z]+)?(?:\.[\w.]*with\w+\((.*)\))?$/i

/** Where a name does not say which version it has, `version` is empty. `call` is the function for its modules. */
type Interpreter = {
  readonly name: string
  readonly language: string
  readonly version: string
  readonly call: string
  readonly has: readonly string[]
}

const interpreterIn = (name: string): Interpreter[] => {
  const [, word = '', version = '', has = ''] = program.exec(name) ?? []
  return kindOf(word, version).map((kind) => {
    const path = kind.language === 'R' ? 'R' : name.replace(/\..*/s, '')
    return {
      name,
      ...kind,
      call: `${path}.${functions.get(kind.language)}`,
      has: has.split(', ').filter((module) => module !== ''),
    }
  })
}

const moduleIn = (name: string): { listed: string; module: string; language: string; version: string }[] => {
  const [, word = '', version = '', more = '', module = ''] = inSet.exec(name) ?? inInterpreter.exec(name) ?? []
  return kindOf(word, `${version}${more}`).map((kind) => ({ listed: name, module, ...kind }))
}

const kindOf = (word: string, version: string): { language: string; version: string }[] => {
  const lower = word.toLowerCase()
  const language = languages.get(lower) ?? lower
  return functions.has(language) ? [{ language, version: version.replaceAll('_', '') }] : []
}

/**
 * Sentences about interpreters that are listed beside modules, as in `python3 python3Packages.requests`, or before
 * themselves with modules, as in `python3 python3.withPackages(requests)`. An interpreter finds those modules only that
 * it was put together with: each is in a store path of its own, and what it imports is in others, to which only Nix
 * follows. Of two programs with one name, the first is linked.
 */
export const modulesBeside = (names: readonly string[]): string[] => {
  const interpreters = names.flatMap(interpreterIn)
  const modules = names.flatMap(moduleIn).map((module) => {
    const ofLanguage = interpreters.filter(({ language }) => language === module.language)
    return { ...module, call: (ofLanguage.find(({ version }) => version === module.version) ?? ofLanguage[0])?.call }
  })
  return [...new Set(interpreters.map(({ call }) => call))].flatMap((call) => {
    const same = interpreters.filter((interpreter) => interpreter.call === call)
    const [first, ...later] = same
    const beside = modules.filter((module) => module.call === call)
    const hidden = later.filter(({ has }) => !has.every((module) => first?.has.includes(module)))
    if (!first || beside.length + hidden.length === 0) return []
    const all = [...new Set([...same.flatMap(({ has }) => has), ...beside.map(({ module }) => module)])].join(', ')
    const listed = beside.map((module) => module.listed)
    const reason =
      listed.length > 0
        ? `does not find the modules that are listed beside it, which are in store paths of their own: ${listed.join(', ')}`
        : `hides the programs of ${inWords(hidden)} behind it, which have the same names`
    const instead = `${call}(${all})`
    const others = same.filter(({ name }) => name !== instead)
    const advice =
      listed.length > 0
        ? `Write \`${instead}\` in place of ${inWords(same)} and of these modules.`
        : others.length < same.length
          ? `Leave out ${inWords(others)}.`
          : `Write \`${instead}\` in place of ${inWords(same)}.`
    return `\`${first.name}\` ${reason}. ${advice}`
  })
}

const inWords = (interpreters: readonly Interpreter[]): string =>
  interpreters.map(({ name }) => `\`${name}\``).join(' and ')
