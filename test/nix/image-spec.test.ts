import { describe, expect, test } from 'vitest'
import { parseImageSpec } from '../../src/nix/image-spec.ts'
import { narHashOf, pathOf } from '../support/closures.ts'

const [git, doc, links] = [pathOf('git-2.51.0'), pathOf('git-2.51.0-doc'), pathOf('symlink-layer')]

const spec = {
  runtimeGraph: [{ path: git, narHash: narHashOf('git'), narSize: 10, closureSize: 10, references: [] }],
  roots: [git],
  symlinkLayer: { path: links, size: 10240, sha256: '0123456789abcdef'.repeat(4) },
  conflicts: [{ path: '/bin/git', winner: `${git}/bin/git`, loser: '/nix/store/other/bin/git' }],
  unlinked: { 'nix-ld': git },
  withoutFiles: [git],
  packages: [
    {
      attr: 'git',
      name: 'git',
      version: '2.51.0',
      outPath: git,
      outputs: [
        { name: 'out', path: git },
        { name: 'doc', path: doc },
      ],
      license: ['GPL-2.0-only'],
      homepage: 'https://git-scm.com/',
    },
    {
      ...{ attr: 'tools.git', name: 'git', version: '', outPath: git, outputs: [], license: [], homepage: null },
      description: 'not read',
    },
  ],
}

test('what Nix tells about an image is read', () => {
  expect(parseImageSpec(JSON.stringify(spec))).toEqual({
    runtimeGraph: spec.runtimeGraph,
    roots: spec.roots,
    symlinkLayer: spec.symlinkLayer,
    conflicts: spec.conflicts,
    unlinked: spec.unlinked,
    withoutFiles: spec.withoutFiles,
    packages: [
      spec.packages[0],
      { attr: 'tools.git', name: 'git', version: '', outPath: git, outputs: [], license: [], homepage: undefined },
    ],
  })
})

/**
 * The specification with another value at a place such as `symlinkLayer.size`. A value of `undefined` removes the
 * place.
 */
const specWith = (place: string, value: unknown): string => {
  const changed = structuredClone(spec)
  const names = place.split('.')
  const last = names.pop() ?? ''
  const parent = names.reduce<Record<string, unknown>>(
    (object, name) => object[name] as Record<string, unknown>,
    changed,
  )
  parent[last] = value
  return JSON.stringify(changed)
}

describe('an error names the field that is wrong:', () => {
  test.each<[string, unknown, string]>([
    ['symlinkLayer', undefined, 'symlinkLayer should be an object, but is undefined'],
    ['symlinkLayer.path', '/etc/passwd', 'symlinkLayer.path should be a path in the Nix store, but is "/etc/passwd"'],
    ['symlinkLayer.path', 1, 'symlinkLayer.path should be a string, but is 1'],
    ['symlinkLayer.size', '10240', 'symlinkLayer.size should be a whole number, but is "10240"'],
    ['symlinkLayer.sha256', undefined, 'symlinkLayer.sha256 should be a string, but is undefined'],
    ['symlinkLayer.sha256', 'ABC', 'symlinkLayer.sha256 should be 64 hex digits, but is ABC'],
    ['conflicts', {}, 'conflicts should be a list, but is {}'],
    ['conflicts.0', null, 'conflicts[0] should be an object, but is null'],
    ['conflicts.0.path', 1, 'conflicts[0].path should be a string, but is 1'],
    ['conflicts.0.winner', undefined, 'conflicts[0].winner should be a string, but is undefined'],
    ['conflicts.0.loser', [], 'conflicts[0].loser should be a string, but is []'],
    ['packages', null, 'packages should be a list, but is null'],
    ['packages.1', 'git', 'packages[1] should be an object, but is "git"'],
    ['packages.1.attr', null, 'packages[1].attr should be a string, but is null'],
    ['packages.0.name', 1, 'packages[0].name should be a string, but is 1'],
    ['packages.0.version', null, 'packages[0].version should be a string, but is null'],
    ['packages.0.outPath', `${git}/bin`, `packages[0].outPath should be a path in the Nix store, but is "${git}/bin"`],
    ['packages.0.outputs', undefined, 'packages[0].outputs should be a list, but is undefined'],
    ['packages.0.outputs.1', 'doc', 'packages[0].outputs[1] should be an object, but is "doc"'],
    ['packages.0.outputs.1.name', 1, 'packages[0].outputs[1].name should be a string, but is 1'],
    ['packages.0.outputs.1.path', '/', 'packages[0].outputs[1].path should be a path in the Nix store, but is "/"'],
    ['withoutFiles', null, 'withoutFiles should be a list, but is null'],
    ['withoutFiles.0', 'git', 'withoutFiles[0] should be a path in the Nix store, but is "git"'],
    ['packages.0.license', 'MIT', 'packages[0].license should be a list, but is "MIT"'],
    ['packages.0.license', [{}], 'packages[0].license[0] should be a string, but is {}'],
    ['packages.0.homepage', ['https://a'], 'packages[0].homepage should be a string, but is ["https://a"]'],
  ])('%s %j', (place, value, message) => {
    expect(() => parseImageSpec(specWith(place, value))).toThrow(new Error(message))
  })

  test.each([
    ['', 'the image specification is not JSON'],
    ['[]', 'the image specification should be an object, but is []'],
  ])('the whole (%j)', (json, message) => {
    expect(() => parseImageSpec(json)).toThrow(message)
  })
})
