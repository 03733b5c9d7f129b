import { globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Stryker } from '@stryker-mutator/core'
import { declarationsOf, drawSample } from './mutation-sample.ts'

/**
 * `npm run mutate -- [FOLDER OR FILE …]`: changes the code of each, one place at a time, runs the tests that reach the
 * place, and prints the share of changes that a test notices. A change that makes the tests hang counts as noticed.
 * Also prints each change that no test notices, and exits with 1 if less than 85 % are noticed.
 *
 * Only tests that run in this process count. A program that a test starts runs the unchanged `dist/`, and the programs
 * of threads are not changed either. A place that runs only once, when its module is loaded, is left out, since it
 * would need all tests from the start. If there is much code, a sample is drawn, see `drawSample`.
 */

/**
 * The folders and files that can be mutated, and the globs of their tests. Slow tests are not among them: with these, a
 * sample would take hours.
 */
const tests: Readonly<Record<string, readonly string[]>> = {
  'src/registry': ['test/registry/*.test.ts', 'test/lib/retry-after.test.ts'],
  'src/archive': [
    'test/archive/{compress,deflate,hash-archive,layer,nars-of-tar,prove,tar}.test.ts',
    'test/build/*.test.ts',
  ],
  'src/rootfs': ['test/rootfs/*.test.ts'],
  'src/publish': ['test/publish/*.test.ts', 'test/oci/layout.test.ts'],
  'src/cache': [
    'test/cache/{cache-answers,cache-limits,cache-budget,cache-use,import-paths,narinfo,read-entry}.test.ts',
    'test/cache/{export-paths,select-paths,store-cache,store-cache-key,wanted-paths}.test.ts',
  ],
  'src/reuse': ['test/reuse/*.test.ts'],
  'src/nix/source.ts': ['test/nix/pinned-source.test.ts'],
}

const mostLines = 200
const lowest = 85

const root = join(import.meta.dirname, '..')
const names = process.argv.slice(2)
const unknown = names.filter((name) => !(name in tests))
if (unknown.length > 0) {
  console.error(`${unknown.join(', ')} cannot be mutated; write some of ${Object.keys(tests).join(', ')}.`)
  process.exit(1)
}

const rows: string[] = []
let isEnough = true
for (const name of names.length > 0 ? names : Object.keys(tests)) {
  const files = name.endsWith('.ts')
    ? [name]
    : globSync(`${name}/*.ts`, { cwd: root, exclude: ['**/*-worker.ts'] }).sort()
  const all = files.flatMap((file) => declarationsOf(file, readFileSync(join(root, file), 'utf8')))
  const sample = drawSample(all, mostLines)
  const globs = tests[name] ?? []
  if (globSync([...globs], { cwd: root }).length === 0) {
    isEnough = false
    rows.push(`${name}: no test runs in this process`)
    continue
  }
  process.env['MUTATE_TESTS'] = globs.join(' ')
  const mutants = await new Stryker({
    mutate: sample.map(({ file, first, last }) => `${file}:${first}-${last}`),
    plugins: ['@stryker-mutator/vitest-runner'],
    testRunner: 'vitest',
    vitest: { configFile: 'scripts/mutate.vitest.config.ts' },
    coverageAnalysis: 'perTest',
    ignoreStatic: true,
    concurrency: 1,
    tempDirName: '.cache/mutate',
    ignorePatterns: ['.cache', 'bench', 'dist/*', '!dist/deflate.wasm'],
    reporters: ['dots'],
    timeoutMS: 10_000,
    thresholds: { high: 100, low: lowest, break: null },
    allowEmpty: true,
  }).runMutationTest()
  const killed = mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout').length
  const missed = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
  for (const { fileName, location, mutatorName, replacement = '', status } of missed) {
    const place = `${relative(root, fileName)}:${location.start.line}:${location.start.column}`
    console.log(`${place} ${status} ${mutatorName}: ${replacement.replaceAll(/\s+/g, ' ').slice(0, 150)}`)
  }
  const counted = killed + missed.length
  const score = counted === 0 ? 100 : (100 * killed) / counted
  isEnough &&= score >= lowest
  rows.push(
    `${name}: ${score.toFixed(1)} % of ${counted}, in ${sample.length} of ${all.length} declarations, with ${mutants.length - counted} left out`,
  )
}
console.log(rows.join('\n'))
if (!isEnough) process.exitCode = 1
