import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { modules, readModule } from './modules.ts'

/** Modules that are tested through the whole action, or that tests start as a thread or a process. */
const stories: Readonly<Record<string, readonly string[]>> = {
  'archive/deflate-worker': ['archive/deflate', 'archive/compress'],
  'archive/hash-worker': ['archive/hash-archive'],
  'build/build-platform': ['end-to-end', 'platforms'],
  'cache/cache-process': ['cache/actions-cache', 'cache/faults'],
  main: ['action', 'cancel'],
  'nix/find': ['nix/install'],
  'reuse/known': ['reuse/reuse', 'reuse/claims'],
  'reuse/recall': ['reuse/remember', 'reuse/claims', 'source-records'],
  run: ['end-to-end', 'action', 'reuse', 'lost-layer'],
}

/** The tests of a module, as names of files in `test/` without `.test.ts`, and the rule that found them. */
export type TestsOf = { readonly by: 'name' | 'story' | 'import' | 'user'; readonly tests: readonly string[] }

const folder = join(import.meta.dirname, '..')
const ending = '.test.ts'
const files = globSync(`**/*${ending}`, { cwd: folder }).toSorted()
const names = files.map((file) => file.slice(0, -ending.length))
/** The modules of `src/` that each test imports as values, by name. */
const imports = files.map((file) =>
  readModule(join('test', file), readFileSync(join(folder, file), 'utf8')).values.map((name) =>
    name.replace(/^src\//, ''),
  ),
)

/**
 * Finds the tests of a module, which is named as in `oci/layout`. The first of these that exist: the test of the same
 * name, the stories above, the tests that import the module, the tests of the modules that import it.
 */
export const testsOf = (module: string): TestsOf => {
  if (names.includes(module)) return { by: 'name', tests: [module] }
  if (stories[module]) return { by: 'story', tests: stories[module] }
  const importing = names.filter((_, index) => imports[index]?.includes(module))
  if (importing.length > 0) return { by: 'import', tests: importing }
  const users = modules.filter(({ values, types }) => [...values, ...types].includes(module)).map(({ name }) => name)
  const named = users.filter((user) => names.includes(user))
  const tests = named.length > 0 ? named : users.flatMap((user) => stories[user] ?? [])
  return { by: 'user', tests: [...new Set(tests)].toSorted() }
}

/** The errors in `stories`: modules that are gone or have a test of their name, and tests that are gone. */
export const staleStories: readonly string[] = Object.entries(stories).flatMap(([module, tests]) => [
  ...(modules.some(({ name }) => name === module) && !names.includes(module) ? [] : [module]),
  ...tests.filter((test) => !names.includes(test)),
])

const reasons = { story: 'run it', import: 'import it', user: 'test what imports it' }

/** The modules without a test of their name, as a Markdown table for readers. */
export const drawTests = (): string => {
  const link = (test: string): string => `[${test}](${test}${ending})`
  const found = modules.map(({ name }) => ({ name, ...testsOf(name) }))
  const rows = found.flatMap(({ name, by, tests }) =>
    by === 'name' ? [] : [`| \`src/${name}.ts\` | ${tests.map(link).join(', ')} | ${reasons[by]} |`],
  )
  const own = found.length - rows.length
  const head = '| module | tests | how they test it |\n|---|---|---|'
  return `${own} of ${found.length} modules have a test of their name. The others:\n\n${head}\n${rows.join('\n')}\n`
}
