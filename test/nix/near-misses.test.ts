import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { list, parseJson, string } from '../../src/lib/check.ts'
import { root } from '../support/action.ts'
import { withNix } from '../support/nix.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Case = { readonly names: readonly string[]; readonly wanted: string }

/** What `nix/lib/near-misses.nix` gives, in one evaluation. */
const nearMissesOf = async (cases: readonly Case[]): Promise<string[][]> => {
  await using folder = await temporaryFolder('near-misses')
  const file = join(folder.path, 'cases.json')
  await writeFile(file, JSON.stringify(cases))
  const nearMisses = `import ${join(root, 'nix', 'lib', 'near-misses.nix')}`
  const expression = `map (case: ${nearMisses} case.names case.wanted) (builtins.fromJSON (builtins.readFile ${file}))`
  const args = ['--eval', '--strict', '--json', '--expr', expression]
  const answer = await withNix((nix) => nix('nix-instantiate', args))
  return list(list(string))(parseJson(answer, 'the near misses'), 'the near misses')
}

/** The edits from one text to another: characters added, dropped or replaced, and neighbours swapped. */
const editsBetween = (a: string, b: string): number => {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= a.length; row++) {
    rows.push([row])
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(row - 1, column - 1) + Number(a[row - 1] !== b[column - 1])
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      const swapped = isSwapped ? at(row - 2, column - 2) + 1 : replaced
      rows[row]?.push(Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, replaced, swapped))
    }
  }
  return at(a.length, b.length)
}

const folded = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, '')

const distance = (name: string, wanted: string): number => {
  const isSpelling = folded(name) === folded(wanted) && name.length <= folded(wanted).length + 4
  return isSpelling ? 0 : editsBetween(name, wanted)
}

const commonPrefix = (a: string, b: string): number => [...a, ''].findIndex((_, index) => a[index] !== b[index])

const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

/** The same, as it is said there, without what makes it fast. */
const expected = ({ names, wanted }: Case): string[] =>
  names
    .filter((name) => name !== wanted && distance(name, wanted) <= (wanted.length < 7 ? 1 : 2))
    .toSorted(
      (a, b) =>
        distance(a, wanted) - distance(b, wanted) ||
        commonPrefix(b, wanted) - commonPrefix(a, wanted) ||
        compareText(a, b),
    )

const edits = fc.array(fc.tuple(fc.nat(12), fc.nat(5), fc.constantFrom(...'abBt1-_')), { maxLength: 4, size: 'max' })

const edited = (text: string, changes: readonly (readonly [at: number, kind: number, character: string])[]): string =>
  changes.reduce((name, [at, kind, character]) => {
    const [start, rest] = [name.slice(0, at), name.slice(at)]
    if (kind === 0) return start + character + rest
    if (kind === 1) return start + rest.slice(1)
    if (kind === 2) return start + character + rest.slice(1)
    if (kind === 3) return start + rest.slice(1, 2) + rest.slice(0, 1) + rest.slice(2)
    return start + (kind === 4 ? rest.toUpperCase() : rest.toLowerCase())
  }, text)

/** What one edit with an `x` makes of a text that begins with a letter. */
const editsOf = (text: string): string[] =>
  Array.from({ length: text.length + 1 }, (_, at) => at).flatMap((at) =>
    [0, 1, 2, 3].map((kind) => edited(text, [[at, kind, 'x']])),
  )

/** Few characters, so that parts of a name are in it more than once. */
const text = (characters: string): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: 13, size: 'max' })

const cases: fc.Arbitrary<Case> = fc
  .constantFrom('ab', 'aAbB-_', 'abcdefghijklmnopqrstuvwxyz_')
  .chain((characters) =>
    fc.tuple(
      text(characters),
      fc.array(edits, { maxLength: 40, size: 'max' }),
      fc.array(text(characters), { maxLength: 9 }),
    ),
  )
  .map(([wanted, changes, others]) => ({
    wanted,
    names: [...new Set([...changes.map((change) => edited(wanted, change)), ...others])]
      .filter((name) => /^[a-zA-Z_]/.test(name))
      .toSorted(compareText),
  }))
  .filter(({ wanted }) => /^\w/.test(wanted))

test('the near misses of a name are those within its edits, and other spellings of it, the closest first', async () => {
  const all = fc.sample(cases, { numRuns: 400, seed: 1 })
  const wanted = all.map(expected)
  expect(wanted.flat().length).toBeGreaterThan(2000)
  expect(await nearMissesOf(all)).toEqual(wanted)
})

test('two edits are found wherever they are in the name', async () => {
  const all = ['abcdefg', 'abcdefgh', 'abcdefghi', 'abcdefghijkl'].map((wanted) => ({
    wanted,
    names: [...new Set(editsOf(wanted).flatMap(editsOf))].toSorted(compareText),
  }))
  expect(await nearMissesOf(all)).toEqual(all.map(expected))
})
