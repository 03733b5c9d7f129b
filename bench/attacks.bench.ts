import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../test/support/action.ts'
import { type AttackMeta, assets, attackers } from '../test/support/attack.ts'
import { need } from '../test/support/process.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'

/**
 * Runs all attacks of the tests against this checkout and prints a table of attacker × asset: the attempts, those that
 * were refused, and those that the run reported. Exits with 1 if an attempt succeeded, or if there was none.
 */

type Results = {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly meta: { readonly attack?: AttackMeta }
    }[]
  }[]
}

await using folder = await temporaryFolder('attacks')
const file = join(folder.path, 'results.json')
const args = ['run', join('test', 'attacks'), '--project', 'all', '--reporter=json', `--outputFile=${file}`]
const { status } = spawnSync(need('vitest', 'vitest, by `npm ci`'), args, {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
})
const { testResults } = JSON.parse(await readFile(file, 'utf8')) as Results
const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
const attempts = tests.flatMap(({ status, meta }) =>
  meta.attack ? [{ ...meta.attack, isRefused: status === 'passed' }] : [],
)

const cell = (attacker: string, asset: string): string => {
  const those = attempts.filter((attempt) => attempt.attacker === attacker && attempt.asset === asset)
  if (those.length === 0) return '–'
  const count = (is: (attempt: (typeof those)[number]) => boolean): number => those.filter(is).length
  return `${those.length} / ${count(({ isRefused }) => isRefused)} / ${count(({ noticed }) => noticed)}`
}
const columns = ['attempts / refused / noticed', ...assets]
const rows = attackers.map((attacker) => [attacker, ...assets.map((asset) => cell(attacker, asset))])
const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)))
for (const row of [columns, ...rows])
  console.log(
    row
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )

const refused = attempts.filter(({ isRefused }) => isRefused).length
const noticed = attempts.filter(({ noticed }) => noticed).length
console.log(`\n${attempts.length} attempts, ${refused} refused, ${noticed} noticed`)
for (const { title, status } of tests) if (status !== 'passed') console.error(`not refused: ${title} (${status})`)
for (const { name, message } of testResults) if (message) console.error(`${name}: ${message}`)
if (status !== 0 || attempts.length === 0) process.exit(1)
