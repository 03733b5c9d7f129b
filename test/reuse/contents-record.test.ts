import { expect, test } from 'vitest'
import type { Contents } from '../../src/image/contents.ts'
import type { Package } from '../../src/nix/image-spec.ts'
import { digestOf } from '../../src/oci/descriptor.ts'
import { parseContents, parseLayer, printContents, printLayer } from '../../src/reuse/contents-record.ts'
import { pathReader, pathWriter } from '../../src/reuse/path-table.ts'
import { closureOf, pathOf } from '../support/closures.ts'
import { gitPackage } from '../support/outcomes.ts'

const mediaType = 'application/vnd.oci.image.layer.v1.tar+zstd'

const known: Package = { ...gitPackage, outPath: pathOf('a'), outputs: [{ name: 'out', path: pathOf('a') }] }

const contents: Contents = {
  packages: [known],
  withoutFiles: [pathOf('b')],
  conflicts: [{ path: '/bin/sh', winner: `${pathOf('a')}/bin/sh`, loser: `${pathOf('b')}/bin/sh` }],
  danglingLinks: [{ path: '/share/x', owner: pathOf('a'), target: '/nowhere' }],
  hasShell: true,
  closure: closureOf(['a', 'b'], { a: { needs: ['b'] }, b: { size: 5 } }),
  defaults: { env: { PATH: '/bin' }, cmd: ['/bin/bash'] },
  layers: [
    {
      descriptor: { mediaType, digest: digestOf(Buffer.from('layer')), size: 7 },
      diffID: digestOf(Buffer.from('layer, unpacked')),
      key: 'ab'.repeat(32),
      storePaths: [pathOf('a'), pathOf('b')],
      holds: 'a, b',
    },
  ],
}

/** The printed contents and the table of their paths, as they are in a file. */
const printed = (of = contents) => {
  const paths = pathWriter()
  const value = printContents(of, paths)
  return JSON.parse(JSON.stringify({ value, table: paths.table() })) as { value: Json; table: unknown }
}

type Json = { [name: string]: Json } & { [index: number]: Json }

test('contents are the same after they were printed and parsed', () => {
  const { value, table } = printed()
  expect(parseContents(value, 'it', pathReader(table, 'paths'))).toEqual(contents)
  const plain: Contents = { ...contents, defaults: { env: {}, cmd: undefined } }
  const { value: without } = printed(plain)
  expect(parseContents(without, 'it', pathReader(table, 'paths'))).toEqual(plain)
})

test('a layer that has no store paths is one for links or files', () => {
  const [layer] = contents.layers as [Contents['layers'][number]]
  const links = { ...layer, key: 'cd'.repeat(32), storePaths: [], holds: 'links' }
  const more = { ...contents, layers: [layer, links] }
  const { value, table } = printed(more)
  expect(parseContents(value, 'it', pathReader(table, 'paths'))).toEqual(more)
})

/** A place in the contents, as errors name it. */
const places: [place: string, expected: string][] = [
  ['runtimeGraph', 'a list'],
  ['roots', 'a list'],
  ['layers', 'a list'],
  ['layers[0]', 'an object'],
  ['layers[0].key', 'a string'],
  ['layers[0].mediaType', 'a string'],
  ['layers[0].digest', 'a string'],
  ['layers[0].size', 'a whole number'],
  ['layers[0].diffID', 'a string'],
  ['layers[0].storePaths', 'a list'],
  ['layers[0].holds', 'a string'],
  ['packages', 'a list'],
  ['packages[0]', 'an object'],
  ['packages[0].outputs', 'a list'],
  ['packages[0].outputs[0]', 'an object'],
  ['withoutFiles', 'a list'],
  ['conflicts', 'a list'],
  ['conflicts[0].winner', 'a string'],
  ['danglingLinks', 'a list'],
  ['danglingLinks[0]', 'an object'],
  ['danglingLinks[0].path', 'a string'],
  ['danglingLinks[0].owner', 'a string'],
  ['danglingLinks[0].target', 'a string'],
  ['hasShell', 'true or false'],
  ['defaults', 'an object'],
  ['defaults.env', 'an object'],
  ['defaults.env.PATH', 'a string'],
  ['defaults.cmd', 'a list'],
  ['defaults.cmd[0]', 'a string'],
]

test.each(places)('where %s is something else, the error names it and what it should be', (place, expected) => {
  const { value, table } = printed()
  const names = place.split(/[.[\]]+/).filter((name) => name !== '')
  const last = names.pop() ?? ''
  const parent = names.reduce((part, name) => part[name] as Json, value)
  parent[last] = (place === 'hasShell' ? 'no' : false) as never
  const said = () => parseContents(value, 'it', pathReader(table, 'paths'))
  expect(said).toThrow(
    /Digest|diffID$|digest$/.test(place)
      ? `it.${place}`
      : `it.${place} should be ${expected}, but is ${place === 'hasShell' ? '"no"' : 'false'}`,
  )
})

test('a key, a media type and an owner are held to their form', () => {
  const [layer] = contents.layers as [Contents['layers'][number]]
  const parse = (changes: object) => () => parseLayer({ ...printLayer(layer), ...changes }, 'it')
  for (const key of ['a'.repeat(63), 'a'.repeat(65), 'A'.repeat(64), `${'a'.repeat(64)}\n`])
    expect(parse({ key })).toThrow(`it.key should be 64 hex digits, but is ${JSON.stringify(key)}`)
  expect(parse({ mediaType: 'text/plain' })).toThrow(
    'it.mediaType is text/plain, which is no layer’s'.replace('’', "'"),
  )
  const { value, table } = printed()
  const [dangling] = [value['danglingLinks']?.[0]]
  if (dangling) dangling['owner'] = '/etc' as never
  expect(() => parseContents(value, 'it', pathReader(table, 'paths'))).toThrow(
    'it.danglingLinks[0].owner should be a path',
  )
})

test('layers that do not hold each path of the closure once are refused', () => {
  for (const storePaths of [[], [pathOf('a')], [pathOf('a'), pathOf('b'), pathOf('b')]]) {
    const layers = contents.layers.map((layer) => ({ ...layer, storePaths }))
    const { value, table } = printed({ ...contents, layers })
    expect(() => parseContents(value, 'it', pathReader(table, 'paths'))).toThrow()
  }
})

test('packages, outputs and owners of links that are not in the closure are refused', () => {
  const other = pathOf('c')
  const outside: Partial<Contents>[] = [
    { packages: [{ ...known, outPath: other }] },
    { packages: [{ ...known, outputs: [...known.outputs, { name: 'man', path: other }] }] },
    { withoutFiles: [other] },
    { danglingLinks: [{ path: '/share/x', owner: other, target: '/nowhere' }] },
  ]
  for (const changes of outside) {
    const { value, table } = printed({ ...contents, ...changes })
    expect(() => parseContents(value, 'it', pathReader(table, 'paths'))).toThrow(
      `it names ${other}, which its runtimeGraph lacks`,
    )
  }
})
