import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { FetchedSource } from '../../src/nix/source.ts'
import { root } from '../support/action.ts'
import { build, evaluateImageOf, pin } from '../support/nix.ts'

type Packages = Parameters<typeof build>[0]

let source: FetchedSource
beforeAll(async () => {
  source = await pin({ type: 'path', path: join(root, 'test', 'fixtures', 'outputs-set') })
})

const nameOf = (path: string): string => path.slice(44)

/** The names in the root of the image, with the outputs that they lead to. */
const linksOf = async (packages: Packages): Promise<string[]> => {
  const { symlinkLayer } = await build(packages, { source })
  const list = execFileSync('tar', ['--list', '--verbose', '--file', symlinkLayer.path], { encoding: 'utf8' })
  return list.split('\n').flatMap((line) => {
    const [, name, target = ''] = /\s(\S+) -> (\S+)$/.exec(line) ?? []
    return name ? [`/${name}: ${nameOf(target).split('/')[0]}`] : []
  })
}

/** The outputs of each package that are linked, by the names of their store paths. */
const outputsOf = async (packages: Packages): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await build(packages, { source })).packages.map(({ attr, outputs }) => [
      attr,
      outputs.map(({ name, path }) => `${name}: ${nameOf(path)}`).join(', '),
    ]),
  )

describe('what is linked of a package', () => {
  test.each<[what: string, attr: string, outputs: string]>([
    [
      'is its default output, what it installs, and `out`',
      'lz4',
      'dev: lz4-1.10-dev, out: lz4-1.10, man: lz4-1.10-man',
    ],
    ['is what it installs, where its first output is another one', 'netcat', 'out: netcat-1, bin: netcat-1-bin'],
    [
      'is `out` too, where it installs only another one',
      'fontconfig',
      'bin: fontconfig-2.17-bin, out: fontconfig-2.17',
    ],
    ['is its default output and `out`, where it does not say', 'curl', 'bin: curl-8-bin, out: curl-8'],
    ['is the one that is asked for', 'curl.dev', 'dev: curl-8-dev'],
    ['is the first one, where that is asked for', 'curl.bin', 'bin: curl-8-bin'],
    ['is `out`, where that is asked for', 'lz4.out', 'out: lz4-1.10'],
    ['is the one that is asked for of a package of nixpkgs', 'nixpkgsLz4.man', 'man: lz4-1.10-man'],
    ['is the one that another name stands for', 'manual', 'man: lz4-1.10-man'],
    ['is no output that only the package has which it wraps', 'wrapper', 'out: wrapper-1'],
    ['is each output once, and nothing that is none', 'strange', 'out: strange-1, doc: strange-1-doc'],
    ['is the default output, where it throws', 'throwing', 'bin: throwing-1-bin'],
    ['is all of it, where it has no list of outputs', 'withoutOutputs', 'out: bare-1'],
  ])('%s: %s', async (_, attr, outputs) => {
    expect(await outputsOf([attr])).toEqual({ [attr]: outputs })
  })

  test('is in the root, and nothing of other outputs', async () => {
    expect(await linksOf(['lz4', 'netcat'])).toEqual([
      '/bin/lz4: lz4-1.10',
      '/bin/nc: netcat-1-bin',
      '/include/h: lz4-1.10-dev',
      '/lib/so: netcat-1',
      '/share/man/man1/lz4.1: lz4-1.10-man',
    ])
    expect(await linksOf(['fontconfig'])).toContain('/etc/fonts/fonts.conf: fontconfig-2.17')
  })

  test('is in the closure, with its default output as the path of the package', async () => {
    const { packages, roots, closure } = await build(['lz4'], { source })
    const paths = packages.flatMap(({ outputs }) => outputs.map(({ path }) => path))
    expect([...closure.paths.keys()].toSorted()).toEqual(paths.toSorted())
    expect(roots).toEqual(paths)
    expect(packages[0]?.outPath).toBe(paths[0])
  })

  test('conflicts in the order of the outputs, of which the default one is the first', async () => {
    const { conflicts } = await build(['conflicting'], { source })
    expect(conflicts.map(({ path, winner, loser }) => [path, nameOf(winner), nameOf(loser)])).toEqual([
      ['/share/x', 'conflicting-1/share/x', 'conflicting-1-man/share/x'],
    ])
  })

  test('is linked once, where a package and its outputs are listed', async () => {
    const alone = await build(['curl'], { source })
    for (const packages of [
      ['curl', 'curl.bin'],
      ['curl.bin', 'curl'],
      ['curl.out', 'curl', 'curl'],
    ]) {
      const { symlinkLayer, conflicts } = await build(packages, { source })
      expect({ sha256: symlinkLayer.sha256, conflicts }).toEqual({ sha256: alone.symlinkLayer.sha256, conflicts: [] })
    }
    expect(await outputsOf(['curl.bin', 'curl'])).toEqual({
      'curl.bin': 'bin: curl-8-bin',
      curl: 'bin: curl-8-bin, out: curl-8',
    })
    // In the other order, it is the same.
    expect(await outputsOf(['curl', 'curl.bin'])).toEqual({
      'curl.bin': 'bin: curl-8-bin',
      curl: 'bin: curl-8-bin, out: curl-8',
    })
  })

  test('is nothing, where it is in the image only for its closure', async () => {
    const { packages, closure, unlinked } = await build([{ attr: 'lz4', linked: false }], { source })
    expect(packages).toMatchObject([{ attr: 'lz4', outputs: [] }])
    expect([...closure.paths.keys()].map(nameOf)).toEqual(['lz4-1.10-dev'])
    expect(unlinked).toEqual({ lz4: packages[0]?.outPath })
  })

  test('is the same, where a package is listed both ways, or by a preset too', async () => {
    const [both, preset] = [
      await outputsOf([{ attr: 'lz4', linked: false }, 'lz4']),
      await outputsOf(['lz4', { attr: 'lz4', optional: true }, { attr: 'cacert', optional: true }]),
    ]
    expect([both, preset]).toEqual([await outputsOf(['lz4']), await outputsOf(['lz4'])])
  })
})

test('an output that a package does not have is told with those that it has', async () => {
  const message = await build(['curl.lib'], { source }).catch((error: Error) => error.message)
  expect(message).toMatch(/; the outputs of `curl` are `curl\.bin`, `curl\.dev`, `curl\.out`\.$/)
})

test('a set may have packages with the names of what a package says', async () => {
  expect((await build(['scope.plain'], { source })).packages).toMatchObject([{ attr: 'scope.plain' }])
})

test('outputs without a file that can be linked are told', async () => {
  const packages = ['script', 'nowhere', 'empty', 'hook', 'partly', { attr: 'curl', linked: false }]
  const { withoutFiles } = await build(packages, { source })
  expect(withoutFiles.map(nameOf)).toEqual(['script', 'nowhere', 'empty', 'hook', 'partly-1'])
})

test.each<[attr: string, license: string[]]>([
  ['either', ['MIT OR Apache-2.0']],
  ['both', ['MIT AND Apache-2.0']],
  ['nested', ['ISC AND (MIT OR Apache-2.0 AND ISC) AND MIT AND ISC']],
  ['exception', ['Apache-2.0 WITH LLVM-exception']],
  ['later', ['EUPL-1.1+']],
  ['several', ['MIT OR Apache-2.0', 'ISC', 'Our own', 'Zlib']],
  ['unnamed', []],
])('the licence of %s is %j', async (attr, license) => {
  expect((await build([attr], { source })).packages).toMatchObject([{ attr, license }])
})

describe('what cannot be evaluated of what a package says, and is not thrown,', () => {
  test.each<[attr: string, fields: string[]]>([
    ['withoutLicence', ['meta.license']],
    ['wrongType', ['meta.license']],
    ['aborting', ['meta.license']],
    ['endless', ['meta.license']],
    ['forging', ['meta.license']],
    ['withoutMeta', ['meta.outputsToInstall', 'meta.license', 'meta.homepage', 'meta.description']],
    ['withoutInstall', ['meta.outputsToInstall']],
    ['withoutVersion', ['version']],
  ])('is as if it were not said, of %s: %j', async (attr, fields) => {
    const { unreadable } = await evaluateImageOf([attr], { source })
    expect(unreadable.map((known) => known.attr)).toEqual(fields.map(() => attr))
    expect(unreadable.map(({ field }) => field).toSorted()).toEqual(fields.toSorted())
    const { packages } = await build([attr], { source })
    expect(packages).toMatchObject([{ attr, license: [], version: attr === 'withoutInstall' ? '1.10' : '1' }])
  })

  test('takes nothing from what else it and others say', async () => {
    const { packages } = await build(['either', 'withoutLicence', 'aborting'], { source })
    expect(packages).toMatchObject([
      { license: ['MIT OR Apache-2.0'] },
      { license: [], homepage: 'https://example.org' },
      { license: [] },
    ])
  })

  test('ends the run where it is what the package is', async () => {
    await expect(build(['withoutLicence', 'wrong'], { source })).rejects.toThrow(
      /^The packages cannot be evaluated from .*: package wrong: attribute 'unknown' missing; see the log above\.$/,
    )
  })
})
