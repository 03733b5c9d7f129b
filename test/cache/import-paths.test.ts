import { createHash } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { importPaths } from '../../src/cache/import-paths.ts'
import type { Narinfo } from '../../src/cache/narinfo.ts'
import { messages } from '../../src/lib/error.ts'
import type { Nix } from '../../src/nix/nix.ts'
import { parseStorePath } from '../../src/nix/store-path.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const nar = Buffer.from('what a NAR would be')

const honest: Narinfo = {
  path: parseStorePath(`/nix/store/${'0'.repeat(32)}-a`, 'a'),
  nar: 'nar/0.nar.zst',
  narHash: `sha256-${createHash('sha256').update(nar).digest('base64')}`,
  narSize: nar.length,
  references: [],
  signatures: ['one:AAAA'],
  isContentAddressed: false,
}

/** The arguments of the call to Nix, with a file in the place of the NAR. */
const importing = async (file: Uint8Array, info = honest, signal = new AbortController().signal): Promise<string[]> => {
  await using folder = await temporaryFolder('import')
  const [entry, temporary] = ['entry', 'temporary'].map((name) => join(folder.path, name)) as [string, string]
  await mkdir(join(entry, 'nar'), { recursive: true })
  await mkdir(temporary)
  await writeFile(join(entry, info.nar), file)
  const asked: string[] = []
  const nix: Nix = async (_, args) => {
    asked.push(...args)
    return ''
  }
  try {
    await importPaths(entry, [info], temporary, signal, nix)
    return asked
  } finally {
    expect(await readdir(temporary)).toEqual([])
    if (asked.length > 0) expect(asked.slice(0, 3)).toEqual(['copy', '--no-recursive', '--from'])
  }
}

test('Nix is asked to copy what has the hash and the size that are said', async () => {
  expect((await importing(zstdCompressSync(nar))).slice(4)).toEqual([honest.path])
  // Nix does not see what follows the first frame either, since it gets the NAR that was unpacked here.
  const twice = Buffer.concat([zstdCompressSync(nar), zstdCompressSync(nar)])
  expect((await importing(twice)).slice(4)).toEqual([honest.path])
})

test.each<[string, Uint8Array, Partial<Narinfo>]>([
  ['another content', zstdCompressSync(Buffer.alloc(nar.length)), {}],
  ['more than is said', zstdCompressSync(Buffer.concat([nar, nar])), {}],
  ['less than is said', zstdCompressSync(nar.subarray(1)), {}],
  ['less than is said of the right content', zstdCompressSync(nar), { narSize: nar.length + 1 }],
  ['no zstd', nar, {}],
  ['nothing', Buffer.alloc(0), {}],
])('and for nothing where the file has %s', async (_, file, changes) => {
  await expect(importing(file, { ...honest, ...changes })).rejects.toThrow(`the NAR of ${honest.path} is not the one`)
})

test('nor where one would be larger than all that a run saves', async () => {
  await expect(importing(nar, { ...honest, narSize: 1_500_000_001 })).rejects.toThrow('has 1500000001 bytes')
})

test('the error has the reason why a file could not be read', async () => {
  const reason = async (work: Promise<unknown>) => messages(await work.catch((error: unknown) => error)).at(-1)
  expect(await reason(importing(nar))).toBe('Unknown frame descriptor')
  const over = AbortSignal.abort(new Error('it is over'))
  expect(await reason(importing(zstdCompressSync(nar), honest, over))).toBe('it is over')
})
