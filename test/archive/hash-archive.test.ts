import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inBlocks, release } from '../../src/archive/block.ts'
import { checkNars } from '../../src/archive/check-nars.ts'
import { hashArchive } from '../../src/archive/hash-archive.ts'
import { writeLayer } from '../../src/archive/layer.ts'
import { tar } from '../../src/archive/tar.ts'
import { storePathsTree } from '../../src/archive/tree.ts'
import { digestOf } from '../../src/oci/descriptor.ts'
import { closureOf, pathOf } from '../support/closures.ts'
import { build } from '../support/nix.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function* of(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

test.each([
  ['gzip', 1],
  ['zstd', 3],
  ['none', 0],
] as const)('the NARs of a layer are those that Nix has, with %s', async (algorithm, level) => {
  await using folder = await temporaryFolder('nars')
  const { closure } = await build(['tree', 'file', 'odd', 'long', 'many'])
  const paths = [...closure.paths.keys()].reverse()
  const file = join(folder.path, 'layer')
  const { nars } = await writeLayer(tar(storePathsTree(paths)), file, { algorithm, level }, 'store paths')
  expect(nars).toEqual([...closure.paths.values()].map(({ path, narHash, narSize }) => ({ path, narHash, narSize })))
  checkNars(nars, paths, closure)
})

test('a closure that says something else of a path is refused, and so are other paths', () => {
  const closure = closureOf(['a', 'b'], { a: { size: 8 }, b: { size: 9 } })
  const [a, b] = [...closure.paths.values()] as [never, never]
  const paths = [pathOf('a'), pathOf('b')]
  checkNars([a, b], paths, closure)
  expect(() => checkNars([a, { ...(b as object), narHash: 'sha256-x' } as never], paths, closure)).toThrow(
    `${pathOf('b')} is not what Nix put into the store: its hash is sha256-x and not sha256-`,
  )
  expect(() => checkNars([a, { ...(b as object), narSize: 10 } as never], paths, closure)).toThrow(
    `${pathOf('b')} is not what Nix put into the store: it has 10 bytes as a NAR and not 9, `,
  )
  for (const read of [[a], [b, a], [a, b, b], []])
    expect(() => checkNars(read, paths, closure)).toThrow('an archive should have')
  expect(() => checkNars([a, b], paths, { paths: new Map([[pathOf('a'), a]]) })).toThrow(pathOf('b'))
})

test('an archive that is left in the middle does not spoil the next one', async () => {
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(5000)
    throw new Error('the disk is gone')
  }
  const hash = async (source: AsyncGenerator<Uint8Array>): Promise<string> => {
    const hashing = hashArchive('other files')
    for await (const block of hashing.through(inBlocks(source, 1000, 2))) release(block)
    return hashing.result().digest
  }
  expect(await hash(of('one'))).toBe(digestOf(Buffer.from('one')))
  await expect(hash(broken())).rejects.toThrow('the disk is gone')
  const left = hashArchive('other files')
  for await (const _ of left.through(inBlocks(of('t', 'w', 'o'), 1, 2))) break
  expect(() => left.result()).toThrow('the archive has not been read to its end')
  const digests = await Promise.all(['three', 'four', 'five'].map((text) => hash(of(...text))))
  expect(digests).toEqual(['three', 'four', 'five'].map((text) => digestOf(Buffer.from(text))))
})

test('the memory of a block is another one’s when all of its users have released it, and not before', async () => {
  const size = 12_345
  const memories: unknown[] = []
  for await (const block of inBlocks(of('x'.repeat(4 * size)), size, 2)) {
    memories.push(block.buffer)
    release(block)
    if (memories.length % 2 === 0) release(block)
  }
  expect(new Set(memories).size).toBe(3)
  expect(memories[2]).toBe(memories[1])
})

/** Each thread of this process has an entry there. */
const threads = (): number => readdirSync('/proc/self/task').length

test('what is read waits where the thread falls behind, and is in the same memory again', async () => {
  const megabyte = 1024 * 1024
  const zeros = async function* (): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < 300; count++) yield Buffer.alloc(megabyte)
  }
  const memories = new Set<unknown>()
  for await (const block of hashArchive('other files').through(inBlocks(zeros(), megabyte, 2))) {
    memories.add(block.buffer)
    release(block)
  }
  // 16 blocks wait, and a few are in use.
  expect(memories.size).toBeLessThan(24)
})

test('one thread hashes one archive after the other, and ends where it is left in the middle', async () => {
  const hashing = (): AsyncGenerator => hashArchive('other files').through(inBlocks(of('a', 'b'), 1, 1))
  const whole = async (): Promise<void> => {
    for await (const _ of hashing());
  }
  await whole()
  const before = threads()
  for (let count = 0; count < 5; count++) await whole()
  expect(threads()).toBe(before)
  for (let count = 0; count < 5; count++) for await (const _ of hashing()) break
  await whole()
  expect(threads()).toBeLessThanOrEqual(before)
})
