import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './support/action.ts'
import { assets, attackers } from './support/attack.ts'

const page = readFileSync(join(root, 'SECURITY.md'), 'utf8')

/** The rows of the table with this first column. */
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

/** Attacker and asset of every attack that the tests make. */
const made = readdirSync(join(root, 'test', 'attacks'))
  .map((name) => readFileSync(join(root, 'test', 'attacks', name), 'utf8'))
  .flatMap((text) => [...text.matchAll(/\battack\(\s*(['"])(.+?)\1,\s*(['"])(.+?)\3,/g)])
  .map(([, , attacker, , asset]) => `${attacker}, ${asset}`)

test('the table has everybody and everything', () => {
  expect(columns).toEqual(assets)
  expect(rows.map(([attacker]) => attacker)).toEqual(attackers)
  expect(
    tableOf('who')
      .slice(2)
      .map(([attacker]) => attacker),
  ).toEqual(attackers)
})

test('each cell that says never has a test that attacks it, and each attack has a cell that says so', () => {
  const promised = rows.flatMap(([attacker, ...cells]) =>
    cells.flatMap((cell, index) => (cell.startsWith('never') ? [`${attacker}, ${columns[index]}`] : [])),
  )
  expect(promised.filter((cell) => !made.includes(cell))).toEqual([])
  expect([...new Set(made)].filter((cell) => !promised.includes(cell))).toEqual([])
})

test('each cell is never, or may with a note that is there, or nothing that anybody could want', () => {
  for (const [, ...cells] of rows)
    for (const cell of cells) {
      const [, note] = /^(?:(?:never|may) \[(\d+)\]|never|–)$/.exec(cell) ?? [undefined, 'none']
      if (note !== undefined) expect(page, cell).toContain(`\n${note}. `)
    }
})
