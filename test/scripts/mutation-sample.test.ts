import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { declarationsOf, drawSample } from '../../scripts/mutation-sample.ts'
import { root } from '../support/action.ts'
import { run } from '../support/process.ts'

const text = `import { a } from './a.ts'

export type T = string
/** Says so. */
export const f = (): void => {
  a()
}
export class C {
  x = 1
  m(): void {
    a()
  }
}
`

test('declarations are what is there when a file runs, of a class its members', () => {
  expect(declarationsOf('f.ts', text).map(({ first, last }) => [first, last])).toEqual([
    [5, 7],
    [9, 9],
    [10, 12],
  ])
})

test('a sample is all, or as many as have so many lines, the same each time and in any order', () => {
  const all = ['http', 'session', 'repository', 'push'].flatMap((name) => {
    const file = `src/registry/${name}.ts`
    return declarationsOf(file, readFileSync(join(root, file), 'utf8'))
  })
  expect(new Set(drawSample(all, 100_000))).toEqual(new Set(all))
  const sample = drawSample(all, 100)
  const lines = sample.reduce((sum, { first, last }) => sum + last - first + 1, 0)
  expect(lines).toBeGreaterThanOrEqual(100)
  expect(lines).toBeLessThan(200)
  expect(drawSample(all.toReversed(), 100)).toEqual(sample)
  expect(drawSample(all, 150).slice(0, sample.length)).toEqual(sample)
})

test('what cannot be mutated is said', async () => {
  const { stderr, exitCode } = await run(process.execPath, [join(root, 'scripts', 'mutate.ts'), 'src/graph'])
  expect([stderr, exitCode]).toEqual([
    'src/graph cannot be mutated; write some of src/registry, src/archive, src/rootfs, src/publish, src/cache, src/reuse, src/nix/source.ts.\n',
    1,
  ])
})
