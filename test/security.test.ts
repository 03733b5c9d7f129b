import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { root } from './support/action.ts'
import { assets, attackers } from './support/attack.ts'
import { need, output } from './support/process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const page = readFileSync(join(root, 'SECURITY.md'), 'utf8')

/** The rows of the table whose first column has this title. */
const tableOf = (column: string): string[][] => {
  const [, text = ''] = new RegExp(`^(\\| ${column} \\|[\\s\\S]*?)\\n\\n`, 'm').exec(page) ?? []
  return text.split('\n').map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const [[, ...columns] = [], , ...rows] = tableOf('may reach')
const cells = rows.flatMap(([attacker, ...cells]) =>
  cells.map((cell, index) => ({ name: `${attacker}, ${columns[index]}`, cell })),
)

/** The attacker and the asset of every attack in the tests. */
let made: ReadonlySet<string>
beforeAll(async () => {
  await using folder = await temporaryFolder('attacks')
  const file = join(folder.path, 'attacks.json')
  const args = ['list', join('test', 'attacks'), '--project', 'all', '--no-static-parse', `--json=${file}`]
  await output(need('vitest', 'vitest, by `npm ci`'), args, { cwd: root })
  const tests = JSON.parse(readFileSync(file, 'utf8')) as { name: string }[]
  made = new Set(tests.map(({ name }) => name.split(' > ').at(-1)?.split(': ')[0] ?? ''))
})

test('the tables have everybody and everything', () => {
  expect(columns).toEqual(assets)
  expect(rows.map(([attacker]) => attacker)).toEqual(attackers)
  const writers = tableOf('who').slice(2)
  expect(writers.map(([attacker]) => attacker)).toEqual(attackers)
})

test('each cell that says never has a test that attacks it', () => {
  const promised = cells.filter(({ cell }) => cell.startsWith('never')).map(({ name }) => name)
  expect(promised.length).toBeGreaterThan(20)
  expect(promised.filter((name) => !made.has(name))).toEqual([])
})

test('each attack is on a cell that says something', () => {
  const said = cells.filter(({ cell }) => cell !== '–').map(({ name }) => name)
  const attacks = [...made].filter((name) => attackers.some((attacker) => name.startsWith(`${attacker}, `)))
  expect(attacks.filter((name) => !said.includes(name))).toEqual([])
})

test('each cell is never or may, with a note that is there, or nothing', () => {
  for (const { name, cell } of cells) {
    expect(cell, name).toMatch(/^(never|(never|may) \[\d+\]|–)$/)
    const [, note] = /\[(\d+)\]/.exec(cell) ?? []
    if (note) expect(page, name).toContain(`\n${note}. `)
  }
})
