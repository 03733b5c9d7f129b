import { createHash } from 'node:crypto'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fileName, fileNameBytes } from '../../src/archive/file-name.ts'
import { narsOfTar } from '../../src/archive/nars-of-tar.ts'
import { tar } from '../../src/archive/tar.ts'
import { storePathsTree, type TreeEntry } from '../../src/archive/tree.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { treeArbitrary } from '../support/trees.ts'

/** The NARs in an archive by their paths, with their hashes in hex. The archive comes in blocks of this size. */
const narsIn = (archive: Buffer, blockSize: number): Record<string, { hash: string; narSize: number }> => {
  const reader = narsOfTar()
  const hashes: string[] = []
  let hash = createHash('sha256')
  for (let start = 0; start < archive.length; start += blockSize) {
    const block = archive.subarray(start, start + blockSize)
    const { text, cuts } = reader.read(block)
    let read = 0
    for (let index = 0; index < cuts.length; index += 3) {
      const [length = 0, from = 0, to = 0] = cuts.slice(index, index + 3)
      hash.update(text.subarray(read, read + length)).update(block.subarray(from, to))
      read += length
      if (to > 0) continue
      hashes.push(hash.digest('hex'))
      hash = createHash('sha256')
    }
    expect(read).toBe(text.length)
  }
  const sizes = reader.sizes()
  expect(sizes).toHaveLength(hashes.length)
  return Object.fromEntries(sizes.map(({ path, narSize }, index) => [path, { hash: hashes[index] ?? '', narSize }]))
}

const top: TreeEntry[] = [
  { type: 'directory', name: 'nix', mode: 0o755 },
  { type: 'directory', name: 'nix/store', mode: 0o755 },
]

/** The entries of a path on this disk, changed into those of a store path with this name. */
const inStore = (path: string, name: string): TreeEntry[] =>
  [...storePathsTree([path as StorePath])]
    .filter((entry) => `/${entry.name}`.startsWith(path))
    .map((entry) => ({ ...entry, name: `nix/store/${name}${entry.name.slice(path.length - 1)}` }))

const write = async (folder: string, entries: readonly TreeEntry[]): Promise<void> => {
  for (const entry of entries) {
    const path = fileNameBytes(join(folder, entry.name))
    if (entry.type === 'directory') await mkdir(path)
    else if (entry.type === 'symlink') await symlink(fileNameBytes(entry.target), path)
    else {
      await writeFile(path, entry.content as Uint8Array)
      await chmod(path, entry.mode)
    }
  }
}

const file = (name: string, size: number, mode = 0o444): TreeEntry => ({
  type: 'file',
  name,
  mode,
  content: Buffer.alloc(size, name),
})
const directory = (name: string): TreeEntry => ({ type: 'directory', name, mode: 0o555 })

/** A name whose characters are the bytes of these numbers. */
const latin1 = (name: string): string => fileName(Buffer.from(name, 'latin1'))

/** Cases that are rare in random trees. */
const odd: TreeEntry[][] = [
  [file('an empty file', 0)],
  [file('an empty program', 0, 0o555)],
  ...[511, 512, 513, 1_048_575, 1_048_576, 1_048_577, 3_000_000].map((size) => [file(`of ${size}`, size, 0o555)]),
  [{ type: 'symlink', name: 'link', target: `../${'ü'.repeat(400)}` }],
  [{ type: 'symlink', name: 'short', target: 'ü=\n12 path=x\n' }],
  [{ type: 'symlink', name: 'foreign', target: latin1('\xe5/'.repeat(60)) }],
  [directory('latin1'), directory(latin1(`latin1/${'\xe5'.repeat(101)}`)), file(latin1(`latin1/\xe5bc`), 9)],
  [directory('beyond'), ...['a', '\u{ff5e}', '\u{1f600}'].map((name) => file(`beyond/${name}`, name.length))],
  [
    directory('near'),
    ...['a', 'a b', 'a.b', 'a/'].map((name) => (name === 'a/' ? directory('near/aa') : file(`near/${name}`, 9))),
  ],
  Array.from({ length: 60 }, (_, depth) => directory(Array.from({ length: depth + 1 }, () => 'deep').join('/'))),
  [directory('levels'), directory('levels/a'), directory('levels/a/b'), file('levels/a/b/c', 5), file('levels/z', 5)],
]

test('trees have the hashes and sizes that Nix gives them, in blocks of any size', async () => {
  await using temporary = await temporaryFolder('nars')
  const trees = [...odd, ...fc.sample(treeArbitrary, { numRuns: 400, seed: 2 })]
  const paths: string[] = []
  for (const [index, tree] of trees.entries()) {
    const folder = join(temporary.path, `${index}`)
    await mkdir(folder)
    await write(folder, tree)
    paths.push(join(folder, tree[0]?.name ?? ''))
  }
  const expected = (await output('nix-hash', ['--type', 'sha256', ...paths])).trimEnd().split('\n')
  const entries = paths.flatMap((path, index) => inStore(path, `${index}`.padStart(4, '0')))
  const archive = await buffer(tar([...top, ...entries]))
  for (const blockSize of [512, 1024, 65_536, 1_048_576, 8_388_608]) {
    const nars = narsIn(archive, blockSize)
    expect(Object.keys(nars)).toEqual(paths.map((_, index) => `/nix/store/${`${index}`.padStart(4, '0')}`))
    expect(Object.values(nars).map(({ hash }) => hash)).toEqual(expected)
  }
  const { length } = await output('nix-store', ['--dump', join(temporary.path, '0', 'an empty file')])
  expect(narsIn(archive, 512)['/nix/store/0000']?.narSize).toBe(length)
})

test('a file of several gigabytes has the hash of its NAR', async () => {
  const size = 2 ** 33 + 5
  const part = Buffer.alloc(1 << 20)
  const content = {
    size,
    read: function* () {
      for (let left = size; left > 0; left -= part.length) yield part.subarray(0, left)
    },
  }
  const reader = narsOfTar()
  let read = 0
  for await (const chunk of tar([...top, { type: 'file', name: 'nix/store/large', mode: 0o444, content }])) {
    const { cuts } = reader.read(chunk)
    for (let index = 0; index < cuts.length; index += 3) read += (cuts[index + 2] ?? 0) - (cuts[index + 1] ?? 0)
  }
  expect(read).toBe(size)
  expect(reader.sizes()).toEqual([{ path: '/nix/store/large', narSize: size + 3 + 112 }])
}, 60_000)

type Change = (entries: readonly TreeEntry[], at: number) => TreeEntry[]
const replaced = (entries: readonly TreeEntry[], at: number, ...by: TreeEntry[]): TreeEntry[] =>
  entries.toSpliced(at, 1, ...by)

/**
 * Single changes, each to an entry of this kind. The changed tree may be valid or not, but its NAR is always another
 * one.
 */
const changes: readonly (readonly [TreeEntry['type'], Change])[] = [
  [
    'file',
    (entries, at) => {
      const entry = entries[at] as TreeEntry & { type: 'file' }
      const content = Buffer.concat([entry.content as Uint8Array, Buffer.from('x')])
      return replaced(entries, at, { ...entry, content })
    },
  ],
  [
    'file',
    (entries, at) => {
      const entry = entries[at] as TreeEntry & { type: 'file' }
      const content = Buffer.from(entry.content as Uint8Array)
      if (content.length === 0) return replaced(entries, at, { type: 'symlink', name: entry.name, target: 'x' })
      content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1
      return replaced(entries, at, { ...entry, content })
    },
  ],
  [
    'file',
    (entries, at) => {
      const entry = entries[at] as TreeEntry & { type: 'file' }
      return replaced(entries, at, { ...entry, mode: entry.mode === 0o555 ? 0o444 : 0o555 })
    },
  ],
  ['file', (entries, at) => entries.toSpliced(at, 1)],
  ['file', (entries, at) => replaced(entries, at, { ...(entries[at] as TreeEntry), name: `${entries[at]?.name}x` })],
  [
    'symlink',
    (entries, at) =>
      replaced(entries, at, { ...(entries[at] as TreeEntry & { type: 'symlink' }), target: 'elsewhere' }),
  ],
  [
    'symlink',
    (entries, at) => replaced(entries, at, { type: 'directory', name: entries[at]?.name ?? '', mode: 0o555 }),
  ],
  ['directory', (entries, at) => entries.toSpliced(at + 1, 0, file(`${entries[at]?.name}/!`, 0))],
  ['directory', (entries, at) => entries.toSpliced(at + 1, 0, directory(`${entries[at]?.name}/!`))],
]

const hashOf = async (entries: readonly TreeEntry[]): Promise<unknown> =>
  narsIn(await buffer(tar([...top, ...entries])), 4096)

test('any single change of a tree is found', async () => {
  const tree = treeArbitrary.map((entries) => [
    directory('nix/store/0'),
    ...entries.map((entry) => {
      const name = `nix/store/0/${entry.name}`
      return entry.type === 'directory' ? directory(name) : { ...entry, name }
    }),
  ])
  let tried = 0
  await fc.assert(
    fc.asyncProperty(tree, fc.constantFrom(...changes), fc.nat(), async (entries, [type, change], pick) => {
      const places = entries.flatMap((entry, index) => (entry.type === type ? [index] : []))
      const at = places[pick % places.length]
      if (at === undefined) return
      tried++
      expect(await hashOf(change(entries, at))).not.toEqual(await hashOf(entries))
    }),
    { numRuns: 1000 },
  )
  expect(tried).toBeGreaterThan(300)
})

test.each<[string, TreeEntry[], string]>([
  [
    'an entry outside of the store',
    [{ type: 'file', name: 'etc/passwd', mode: 0o444, content: Buffer.from('') }],
    'a layer has etc/passwd, which',
  ],
  [
    'an entry whose directory is not there',
    [directory('nix/store/0'), file('nix/store/0/a/b', 1)],
    'a layer has nix/store/0/a/b, which',
  ],
  ['a mode that a store path does not have', [file('nix/store/0', 1, 0o644)], 'a layer has nix/store/0, which'],
  ['a setuid program', [file('nix/store/0', 1, 0o4555)], 'a layer has nix/store/0, which'],
  [
    'a directory that others may write to',
    [{ ...directory('nix/store/0'), mode: 0o777 } as TreeEntry],
    'a layer has nix/store/0, which',
  ],
])('%s is an error', async (_, entries, message) => {
  await expect(hashOf(entries)).rejects.toThrow(message)
})

test('an archive that ends in the middle, or has something behind its end, is an error', async () => {
  const archive = await buffer(tar([...top, file('nix/store/0', 2000)]))
  expect(() => narsIn(archive.subarray(0, 2048), 512)).toThrow('a layer has no end')
  expect(() => narsIn(Buffer.concat([archive, archive]), 512)).toThrow('a layer has something behind its end')
})
