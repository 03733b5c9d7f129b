import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { build } from '../support/nix.ts'

type Packages = Parameters<typeof build>[0]

/** The names in the symlink layer, and the targets of links without the digests of store paths. */
const links = async (packages: Packages): Promise<string[]> => {
  const { symlinkLayer } = await build(packages)
  const script = `
import sys, tarfile
for m in tarfile.open(sys.argv[1]):
    print(repr(m.name), '%o' % m.mode, '-> ' + repr(m.linkname[44:]) if m.issym() else '')`
  const list = execFileSync('python3', ['-c', script, symlinkLayer.path], { encoding: 'utf8' })
  return list
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd())
}

const conflicts = async (packages: Packages): Promise<string[]> =>
  (await build(packages)).conflicts.map(
    ({ path, winner, loser }) => `${path}: ${winner.slice(44)}, not ${loser.slice(44)}`,
  )

describe('the symlink layer', () => {
  test('has real directories and links at the leaves, without nix-support', async () => {
    expect(await links(['tree', 'other'])).toEqual([
      "'bin' 755",
      "'bin/other' 777 -> 'other-1.0/bin/other'",
      "'bin/tree' 777 -> 'tree-1.0/bin/tree'",
      "'share' 755",
      "'share/doc' 755",
      "'share/doc/other' 755",
      "'share/doc/other/README' 777 -> 'other-1.0/share/doc/other/README'",
      "'share/doc/tree' 755",
      "'share/doc/tree/README' 777 -> 'tree-1.0/share/doc/tree/README'",
    ])
  })

  test('is the same whatever the order of packages that do not conflict', async () => {
    const digests = await Promise.all([build(['other', 'tree']), build(['tree', 'other'])])
    expect(digests[0].symlinkLayer.sha256).toBe(digests[1].symlinkLayer.sha256)
  })

  test('has the file of the package named first, and the conflict is reported', async () => {
    expect(await links(['same', 'tree'])).toEqual([
      "'bin' 755",
      "'bin/tree' 777 -> 'same-1.0/bin/tree'",
      "'share' 755",
      "'share/doc' 777 -> 'same-1.0/share/doc'",
    ])
    expect(await conflicts(['same', 'tree'])).toEqual([
      '/bin/tree: same-1.0/bin/tree, not tree-1.0/bin/tree',
      '/share/doc: same-1.0/share/doc, not tree-1.0/share/doc',
    ])
    expect(await conflicts(['tree', 'same'])).toEqual([
      '/bin/tree: tree-1.0/bin/tree, not same-1.0/bin/tree',
      '/share/doc: tree-1.0/share/doc, not same-1.0/share/doc',
    ])
  })

  test('merges what is behind links to directories', async () => {
    expect((await links(['sbinA', 'sbinB'])).filter((line) => line.startsWith("'sbin"))).toEqual([
      "'sbin' 755",
      "'sbin/a' 777 -> 'sbin-a/sbin/a'",
      "'sbin/b' 777 -> 'sbin-b/sbin/b'",
    ])
  })

  test('has real directories right under the root, since the base layer puts files into them', async () => {
    expect((await links(['sbinA'])).filter((line) => line.startsWith("'sbin"))).toEqual([
      "'sbin' 755",
      "'sbin/a' 777 -> 'sbin-a/sbin/a'",
    ])
  })

  test('does not follow links that lead back', async () => {
    expect(await links(['loopA', 'loopB'])).toEqual([
      "'share' 755",
      "'share/zone' 755",
      "'share/zone/a' 777 -> 'loop-a/share/zone/a'",
      "'share/zone/b' 777 -> 'loop-b/share/zone/b'",
      "'share/zone/posix' 777 -> 'loop-a/share/zone/posix'",
    ])
  })

  test('has nothing of what is outside of the store, wherever links lead', async () => {
    const script = 'import sys, tarfile; print([m.name for m in tarfile.open(sys.argv[1])])'
    const namesOf = async (packages: string[]): Promise<string> =>
      execFileSync('python3', ['-c', script, (await build(packages)).symlinkLayer.path], { encoding: 'utf8' }).trim()
    expect(await namesOf(['outside'])).toBe("['etc', 'root', 'share', 'share/x', 'up']")
    expect(await namesOf(['outsideToo', 'outside'])).toBe("['etc', 'root', 'share', 'share/x', 'share/x/file', 'up']")
  })

  test('keeps names that shells and JSON find hard', async () => {
    expect(await links(['odd'])).toEqual([
      "'share' 755",
      `'share/"quo\\\\te"' 777 -> 'odd/share/"quo\\\\te"'`,
      "'share/-n' 777 -> 'odd/share/-n'",
      "'share/new\\nline' 777 -> 'odd/share/new\\nline'",
      "'share/sp ace' 777 -> 'odd/share/sp ace'",
      "'share/ünï' 777 -> 'odd/share/ünï'",
    ])
    expect(await conflicts(['odd', 'oddToo'])).toEqual([
      '/share/"quo\\te": odd/share/"quo\\te", not odd-too/share/"quo\\te"',
      '/share/new\nline: odd/share/new\nline, not odd-too/share/new\nline',
    ])
  })

  test('reports a thousand conflicts', async () => {
    expect(await conflicts(['manyA', 'manyB'])).toHaveLength(1000)
  })

  test('takes long names and directories of thousands', async () => {
    expect(await links(['long'])).toContain(
      `'share/${'x'.repeat(120)}/${'y'.repeat(120)}/file' 777 -> 'long/share/${'x'.repeat(120)}/${'y'.repeat(120)}/file'`,
    )
    expect(await links(['many'])).toHaveLength(2501)
  })

  test('has nothing of a package that is a single file, which is in the image all the same', async () => {
    const { closure, symlinkLayer } = await build(['file'])
    expect([...closure.paths.keys()].map((path) => path.slice(44))).toEqual(['file-1.0'])
    expect(execFileSync('tar', ['--list', '--file', symlinkLayer.path], { encoding: 'utf8' })).toBe('')
  })
})

describe('a package that is not linked', () => {
  test('is in the image, with no link to it, and its path is told', async () => {
    const { closure, unlinked, packages, roots } = await build(['other', { attr: 'tree', linked: false }])
    expect([...closure.paths.keys()].map((path) => path.slice(44)).sort()).toEqual(['other-1.0', 'tree-1.0'])
    expect(packages.map(({ attr }) => attr)).toEqual(['other', 'tree'])
    expect(unlinked).toEqual({ tree: packages[1]?.outPath })
    expect(roots).toHaveLength(2)
    expect(await links(['other', { attr: 'tree', linked: false }])).toEqual(await links(['other']))
  })

  test('is in conflict with none', async () => {
    expect(await conflicts([{ attr: 'same', linked: false }, 'tree'])).toEqual([])
  })

  test('is linked where it is listed too, and its path is told', async () => {
    const [twice, once] = [await build(['tree', { attr: 'tree', linked: false }]), await build(['tree'])]
    expect(twice.symlinkLayer.sha256).toBe(once.symlinkLayer.sha256)
    expect(twice.unlinked).toEqual({ tree: once.packages[0]?.outPath })
    expect(twice.packages).toEqual(once.packages)
  })

  test('can be all that there is', async () => {
    expect(await links([{ attr: 'tree', linked: false }])).toEqual([''])
  })
})

test('packages are described as far as they can be', async () => {
  const { packages } = await build(['described', 'throwing', '7zz', 'numbered'])
  expect(packages.map(({ outPath: _, outputs: __, ...rest }) => rest)).toEqual([
    {
      attr: 'described',
      name: 'described',
      version: '3.1',
      license: ['MIT', 'A licence of our own', 'Zlib'],
      homepage: 'https://example.org/described',
    },
    { attr: 'throwing', name: 'throwing', version: '1', license: [], homepage: undefined },
    { attr: '_7zz', name: '7zz', version: '24.01', license: [], homepage: undefined },
    { attr: 'numbered', name: 'numbered', version: '7', license: [], homepage: undefined },
  ])
})

test('the tools that pack an image are not in it', async () => {
  const { closure } = await build(['tree'])
  expect([...closure.paths.keys()].map((path) => path.slice(44))).toEqual(['tree-1.0'])
})
