import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkClosure, closureSize, parseClosure } from '../../src/graph/closure.ts'
import { chain, closureOf, narHashOf, pathOf, runtimeGraphs, shuffled } from '../support/closures.ts'

const [a, b, c] = [pathOf('a'), pathOf('b'), pathOf('c')]
const info = (path: string, references: unknown[] = [], fields: Record<string, unknown> = {}) => ({
  path,
  narHash: narHashOf(path),
  narSize: 1,
  closureSize: 1,
  references,
  ...fields,
})

describe('a runtime graph', () => {
  test('becomes a closure with its paths in order, without references to themselves', () => {
    const graph = [info(b, [b], { narSize: 20 }), info(a, [b, a], { narSize: 300, closureSize: 320 })]
    const closure = checkClosure(graph, [a])
    expect([...closure.paths]).toEqual([
      [a, { path: a, narHash: narHashOf(a), narSize: 300, closureSize: 320, references: [b] }],
      [b, { path: b, narHash: narHashOf(b), narSize: 20, closureSize: 1, references: [] }],
    ])
    expect(closure.roots).toEqual([a])
  })

  test('is the same closure in whatever order Nix tells it', () => {
    const graphs = runtimeGraphs.chain((graph) => fc.tuple(fc.constant(graph), shuffled(graph)))
    fc.assert(
      fc.property(graphs, ([graph, other]) => {
        const [one, two] = [graph, other].map(({ runtimeGraph }) => checkClosure(runtimeGraph, graph.roots))
        expect([...(two?.paths ?? [])]).toEqual([...(one?.paths ?? [])])
      }),
    )
  })

  test('may have hashes in Nix’s base 32 and in base 64, which are the same to all that follows', () => {
    const empty = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    for (const narHash of ['sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73', empty])
      expect(checkClosure([info(a, [], { narHash })], [a]).paths.get(a)?.narHash).toBe(empty)
  })

  test('may be 50,000 paths deep', () => {
    expect(chain(50_000).paths.size).toBe(50_000)
  })

  test('is read from JSON', () => {
    const json = JSON.stringify({ runtimeGraph: [info(a)], roots: [a] })
    expect(parseClosure(json)).toEqual(checkClosure([info(a)], [a]))
  })
})

describe('an image is not made from a graph', () => {
  test.each<[string, unknown, unknown, string]>([
    ['that is no list', {}, [a], 'runtimeGraph should be a list, but is {}'],
    ['that is not there', undefined, [a], 'runtimeGraph should be a list, but is undefined'],
    ['of other things than objects', [a], [a], `runtimeGraph[0] should be an object, but is "${a}"`],
    ['that names a path twice', [info(a), info(a)], [a], 'runtimeGraph names a store path twice'],
    ['that lacks a reference', [info(a, [b])], [a], `runtimeGraph lacks ${b}, which a root or a reference names`],
    ['that lacks a root', [info(a)], [a, b], `runtimeGraph lacks ${b}, which a root or a reference names`],
    ['with a path that nothing needs', [info(a), info(b)], [a], `runtimeGraph has ${b}, which nothing references`],
    [
      'with paths that only each other need',
      [info(a), info(b, [c]), info(c, [b])],
      [a],
      `runtimeGraph has ${b}, which nothing references`,
    ],
    ['without roots', [info(a)], [], 'roots is empty'],
    ['with roots that are no list', [info(a)], a, `roots should be a list, but is "${a}"`],
    [
      'with a root that is no store path',
      [info(a)],
      ['/etc'],
      'roots[0] should be a path in the Nix store, but is "/etc"',
    ],
    [
      'with a path out of the store',
      [info('/etc/passwd')],
      [a],
      'runtimeGraph[0].path should be a path in the Nix store, but is "/etc/passwd"',
    ],
    [
      'with a path in a path',
      [info(`${a}/bin`)],
      [a],
      `runtimeGraph[0].path should be a path in the Nix store, but is "${a}/bin"`,
    ],
    [
      'with a reference that is none',
      [info(a, ['b'])],
      [a],
      `${a}: references[0] should be a path in the Nix store, but is "b"`,
    ],
    ['without references', [info(a, [], { references: null })], [a], `${a}: references should be a list, but is null`],
    [
      'with a hash of another kind',
      [info(a, [], { narHash: 'md5:0' })],
      [a],
      `${a}: narHash should be a SHA-256 hash, but is "md5:0"`,
    ],
    [
      'with a hash that is too short',
      [info(a, [], { narHash: `sha256:${'0'.repeat(51)}` })],
      [a],
      `${a}: narHash should be a SHA-256 hash, but is "sha256:${'0'.repeat(51)}"`,
    ],
    [
      'with a size below zero',
      [info(a, [], { narSize: -1 })],
      [a],
      `${a}: narSize should be a whole number, but is -1`,
    ],
    [
      'with a size that is text',
      [info(a, [], { closureSize: '1' })],
      [a],
      `${a}: closureSize should be a whole number, but is "1"`,
    ],
  ])('%s', (_, runtimeGraph, roots, message) => {
    expect(() => checkClosure(runtimeGraph, roots)).toThrow(new Error(message))
  })

  test.each([
    ['', 'the runtime graph is not JSON'],
    ['[]', 'the runtime graph should be an object, but is []'],
    ['{ "roots": [] }', 'runtimeGraph should be a list, but is undefined'],
  ])('of the JSON %j', (json, message) => {
    expect(() => parseClosure(json)).toThrow(message)
  })
})

test('the size of a closure is that of all its paths, each once', () => {
  const shared = closureOf(['one', 'two'], {
    one: { size: 1, needs: ['shared'] },
    two: { size: 20, needs: ['shared'] },
    shared: { size: 300 },
  })
  expect(closureSize(shared)).toBe(321)
  expect(closureSize(chain(1000))).toBe(1000)
})
