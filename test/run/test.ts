import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { modules } from '../support/modules.ts'
import { testsOf } from '../support/tests-of.ts'

/**
 * `npm test`: runs everything that must pass before a change lands, the quick checks first. If everything passed, the
 * last line says so. `npm test -- FILE …` runs only the tests in these files, or in those whose path contains FILE. For
 * a file or a folder of `src/`, it runs the tests that `test/README.md` lists for it.
 */

const root = join(import.meta.dirname, '..', '..')
const cache = join(root, '.cache')
const start = performance.now()

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(0)

const step = (title: string, program: string, args: readonly string[], advice: string): void => {
  console.log(`\n── ${title}`)
  const start = performance.now()
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) {
    console.log(`good, in ${seconds(start)} s`)
    return
  }
  console.error(`\n${title}: failed${error ? ` (${error.message})` : ''}. ${advice}`)
  process.exit(1)
}

/** The files or patterns that vitest gets for an argument. */
const testsFor = (path: string): string[] => {
  if (!/^(\.\/)?src(\/|$)/.test(path)) return [path]
  const module = path.replace(/^(\.\/)?src\/?/, '').replace(/(\.ts|\/)$/, '')
  const found = modules.filter(({ name }) => name === module || name.startsWith(module && `${module}/`))
  if (found.length > 0) return found.flatMap(({ name }) => testsOf(name).tests.map((test) => `test/${test}.test.ts`))
  console.error(`${path} is not there; write it as \`npm test -- src/oci/reference.ts\`.`)
  process.exit(1)
}

const files = [...new Set(process.argv.slice(2).flatMap(testsFor))]
if (files.length > 0) {
  console.log('Tests that start the action run dist/: after a change to src/, `npm run build` comes first.')
  step(`tests of ${files.join(', ')}`, 'vitest', ['run', '--project', 'all', ...files], 'Mend what vitest says above.')
  process.exit()
}

step('types', 'tsc', [], 'Mend what tsc says above.')
step('lint and format', 'biome', ['check', '--error-on-warnings'], 'Run `npm run fix`, and mend by hand what is left.')
step('nothing unused', 'knip', ['--treat-config-hints-as-errors'], 'Take out what knip names, or use it.')

const built = join(cache, 'dist')
rmSync(built, { recursive: true, force: true })
step('bundle and libdeflate', 'node', ['scripts/build.ts', built], 'Mend what ncc, cargo or clang say above.')
step(
  'dist/ is what the source gives',
  'diff',
  ['--recursive', '--brief', 'dist', built],
  'Run `npm run build` and commit dist/.',
)

const results = join(cache, 'test-results.json')
rmSync(results, { force: true })
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`]
console.log('\n── tests, of all that is in test/; `npm test -- FILE` runs one file')
const { status } = spawnSync('vitest', ['run', ...reporters], { cwd: root, stdio: 'inherit' })
const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(readFileSync(results, 'utf8'))
const other = numTotalTests - numPassedTests - numFailedTests

if (other > 0) console.error(`${other} tests were not run; a test runs or fails, it is not skipped.`)
console.log(`tests: ${numPassedTests} passed, ${numFailedTests} failed`)
if (status !== 0 || other > 0 || numPassedTests === 0) process.exit(1)
console.log(
  `npm test: types, lint, nothing unused, dist/ and ${numPassedTests} tests are good, in ${seconds(start)} s.`,
)
