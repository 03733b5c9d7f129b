import { expect, test } from 'vitest'
import { parsePackages } from '../../src/inputs/packages.ts'
import { knownNames } from '../../src/nix/known-names.ts'

test('the names that people know lead to others, which `packages` takes', () => {
  const problems: string[] = []
  for (const [name, alternatives] of knownNames) {
    expect(alternatives.length, name).toBeGreaterThan(0)
    for (const names of [name, ...alternatives]) parsePackages(names, (problem) => problems.push(problem))
    expect(alternatives, name).not.toContain(name)
  }
  expect(problems).toEqual([])
})

test('most of what people bring is among them', () => {
  expect(knownNames.size).toBeGreaterThan(150)
  const wanted = 'node npm pip aws psql awk python ca-certificates openssh-client build-essential 7zip'.split(' ')
  expect(wanted.filter((name) => !knownNames.has(name))).toEqual([])
})
