import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toClosure } from '../../src/graph/closure.ts'
import { pathReader, pathWriter } from '../../src/reuse/path-table.ts'
import { closureOf, closures, narHashOf, pathOf } from '../support/closures.ts'

test('every closure is the same after it was written and read', () => {
  fc.assert(
    fc.property(fc.array(closures, { maxLength: 3 }), (all) => {
      const writer = pathWriter()
      const places = all.map(({ paths, roots }) => ({
        infos: [...paths.values()].map(writer.info),
        roots: roots.map(writer.name),
      }))
      const reader = pathReader(JSON.parse(JSON.stringify(writer.table())), 'paths')
      const read = places.map(({ infos, roots }) =>
        toClosure(reader.infos(infos, 'infos'), reader.names(roots, 'roots')),
      )
      expect(read).toEqual(all)
    }),
  )
})

test('what several have is written once, and of one path that has several contents, all', () => {
  const { paths } = closureOf(['a'], { a: { needs: ['b'] }, b: {} })
  const writer = pathWriter()
  const [a, b] = [...paths.values()]
  if (!a || !b) throw new Error('two paths')
  expect([a, b, a].map(writer.info)).toEqual([0, 1, 0])
  expect(writer.info({ ...a, narHash: narHashOf('other content') })).toBe(2)
  expect(writer.table()).toMatchObject({
    names: [pathOf('a'), pathOf('b')].map((path) => path.slice('/nix/store/'.length)),
    infos: [
      [0, a.narHash, 1, 2, [1]],
      [1, b.narHash, 1, 1, []],
      [0, narHashOf('other content'), 1, 2, [1]],
    ],
  })
})

const good = { names: [pathOf('a').slice(11)], infos: [[0, narHashOf('a'), 1, 1, [0]]] }

test.each<[string, unknown, string]>([
  ['no table', [], 'paths should be an object'],
  ['a name outside the store', { ...good, names: ['../x'] }, 'should be a path in the Nix store'],
  [
    'a path of no name',
    { ...good, infos: [[1, narHashOf('a'), 1, 1, []]] },
    'paths.infos[0][0] is 1, and paths.names has 1',
  ],
  [
    'a reference to no name',
    { ...good, infos: [[0, narHashOf('a'), 1, 1, [-1]]] },
    'paths.infos[0][4][0] is -1, and paths.names has 1',
  ],
  ['no hash', { ...good, infos: [[0, 'md5', 1, 1, []]] }, 'infos[0][1] should be a SHA-256 hash'],
  ['no size', { ...good, infos: [[0, narHashOf('a'), '1', 1, []]] }, 'infos[0][2] should be a whole number'],
  ['too little', { ...good, infos: [[0, narHashOf('a')]] }, 'infos[0][2] should be a whole number'],
])('%s is refused', (_, table, sentence) => {
  expect(() => pathReader(table, 'paths')).toThrow(sentence)
})

test('so is a place that no table has', () => {
  const { infos, names } = pathReader(good, 'paths')
  expect(infos([0], 'x').map(({ path }) => path)).toEqual([pathOf('a')])
  for (const place of [1, -1, 0.5, '0', 'length', null, [0], undefined]) {
    expect(() => infos([0, place], 'x')).toThrow('x[1] is ')
    expect(() => names([0, place], 'x')).toThrow('x[1] is ')
  }
  expect(() => names({ 0: 0 }, 'x')).toThrow('x should be a list')
})

test('references are as a checked closure has them, whatever is written', () => {
  const names = ['b', 'a', 'c'].map((name) => pathOf(name).slice(11))
  const table = { names, infos: [[1, narHashOf('a'), 1, 1, [2, 0, 1, 2]]] }
  expect(pathReader(table, 'paths').infos([0], 'x')[0]?.references).toEqual([pathOf('b'), pathOf('c')])
})
