import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * `npm test`: everything that must hold before a change lands, the quick checks first. Ends with one line that says so.
 * `npm test -- FILE …` runs the tests in these files alone, or in those whose path has FILE in it.
 */

const root = join(import.meta.dirname, '..', '..')
const cache = join(root, '.cache')
const start = performance.now()

const step = (title: string, program: string, args: readonly string[], advice: string): void => {
  console.log(`\n── ${title}`)
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  console.error(`\n${title}: failed${error ? ` (${error.message})` : ''}. ${advice}`)
  process.exit(1)
}

const files = process.argv.slice(2)
if (files.length > 0) {
  console.log('Tests that start the action run dist/: after a change to src/, `npm run build` comes first.')
  step('tests', 'vitest', ['run', '--project', 'all', ...files], 'Mend what vitest says above.')
  process.exit()
}

step('types', 'tsc', [], 'Mend what tsc says above.')
step('lint and format', 'biome', ['check', '--error-on-warnings'], 'Run `npm run fix`, and mend by hand what is left.')
step('nothing unused', 'knip', ['--treat-config-hints-as-errors'], 'Take out what knip names, or use it.')

const built = join(cache, 'dist')
rmSync(built, { recursive: true, force: true })
step(
  'bundle',
  'ncc',
  ['build', 'src/main.ts', '--out', built, '--no-cache', '--license', 'licenses.txt'],
  'Mend what ncc says above.',
)
step(
  'dist/ is what src/ gives',
  'diff',
  ['--recursive', '--brief', 'dist', built],
  'Run `npm run build` and commit dist/.',
)

const results = join(cache, 'test-results.json')
rmSync(results, { force: true })
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`]
console.log('\n── tests')
const { status } = spawnSync('vitest', ['run', ...reporters], { cwd: root, stdio: 'inherit' })
const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(readFileSync(results, 'utf8'))
const other = numTotalTests - numPassedTests - numFailedTests
const duration = ((performance.now() - start) / 1000).toFixed(0)

if (other > 0) console.error(`${other} tests were not run; a test runs or fails, it is not skipped.`)
console.log(`tests: ${numPassedTests} passed, ${numFailedTests} failed`)
if (status !== 0 || other > 0 || numPassedTests === 0) process.exit(1)
console.log(`npm test: types, lint, nothing unused, dist/ and ${numPassedTests} tests are good, in ${duration} s.`)
