import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../support/action.ts'
import { closureOf, nameOf } from '../support/closures.ts'
import { type Finished, run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const closure = closureOf(['app'], {
  app: { size: 50, needs: ['glibc', 'zlib', 'perl', 'data'] },
  glibc: { size: 30 },
  zlib: { size: 20 },
  perl: { size: 40 },
  data: { size: 10 },
})
const input = JSON.stringify({ runtimeGraph: [...closure.paths.values()], roots: closure.roots })

const script = join(root, 'scripts', 'plan.ts')
const plan = (...options: string[]): Promise<Finished> => run(process.execPath, [script, ...options], { input })

const layersOf = ({ stdout, stderr }: Finished): string[][] => {
  expect(stderr).toBe('')
  return (JSON.parse(stdout) as string[][]).map((layer) => layer.map(nameOf))
}

test('as many layers are planned as the action would have for store paths', async () => {
  expect(layersOf(await plan('--max-layers', '5')).length).toBe(3)
  expect(layersOf(await plan('--max-layers', '5', '--preset', 'job-container')).length).toBe(3)
  expect(layersOf(await plan('--max-layers', '5', '--preset', 'bare')).length).toBe(4)
  expect(
    layersOf(await plan())
      .flat()
      .toSorted(),
  ).toEqual(['app', 'data', 'glibc', 'perl', 'zlib'])
})

test('popularity decides who has a layer of its own, and who is in the first one', async () => {
  await using folder = await temporaryFolder('plan')
  const file = join(folder.path, 'popularity.json')
  await writeFile(file, '{ "zlib": 200, "data": 500 }')
  const popularity = ['--layering', 'popularity', '--max-layers', '5', '--preset', 'bare']
  expect(layersOf(await plan(...popularity))).toEqual([['app', 'data', 'glibc', 'perl', 'zlib']])
  expect(layersOf(await plan(...popularity, '--popularity', file))).toEqual([
    ['data'],
    ['zlib'],
    ['app', 'glibc', 'perl'],
  ])
})

describe('what is wrong is one sentence:', () => {
  test.each([
    [['--layering', 'best'], '--layering is stable or popularity, not best\n'],
    [['--preset', 'none'], '--preset is default, bare or job-container, not none\n'],
    ...['2', '128', '0x10', '3.0', '1e1', ' 5', 'many'].map((value): [string[], string] => [
      ['--max-layers', value],
      `--max-layers is a whole number from 3 to 127, not ${value}\n`,
    ]),
    [['--popularity', 'file'], '--popularity goes with --layering popularity only\n'],
    [
      ['--layering', 'popularity', '--popularity', '/nowhere'],
      '`popularity` is /nowhere, which cannot be read (ENOENT); check the path, and that actions/checkout ran before this step.\n',
    ],
  ])('%j', async (options, problem) => {
    expect(await plan(...options)).toEqual({ exitCode: 1, stdout: '', stderr: problem })
  })

  test.each([
    ['nothing', '', 'the runtime graph is not JSON\n'],
    ['a list', '[]', 'the runtime graph should be an object, but is []\n'],
    ['a graph without roots', '{ "runtimeGraph": [], "roots": [] }', 'roots is empty\n'],
    [
      'a root that is not in the graph',
      JSON.stringify({ runtimeGraph: [], roots: closure.roots }),
      `runtimeGraph lacks ${closure.roots[0]}, which a root or a reference names\n`,
    ],
  ])('%s to read', async (_, input, problem) => {
    expect(await run(process.execPath, [script], { input })).toEqual({ exitCode: 1, stdout: '', stderr: problem })
  })
})
