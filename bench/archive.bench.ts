import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeLayer } from '../src/archive/layer.ts'
import { tar } from '../src/archive/tar.ts'
import { storePathsTree } from '../src/archive/tree.ts'
import type { StorePath } from '../src/nix/store-path.ts'
import { realClosure } from './closure.ts'
import { compare } from './measure.ts'

/**
 * Packing and compressing a closure as one layer, beside tar with pigz or zstd doing the same work; then a synthetic one of
 * 2 GB.
 */

const cores = availableParallelism()
const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-bench-'))

const fileOf = (name: string): string => join(folder, name)
const sizeOf = (name: string) => async (): Promise<number> => (await stat(fileOf(name))).size
const peer = (paths: readonly string[], compressor: string) => async (): Promise<void> => {
  const script = `tar --create --sort name --mtime @1 --owner 0 --group 0 --numeric-owner -C / "\${@#/}" | tee >(sha256sum >&2) | ${compressor} | tee >(sha256sum >&2) > "$0"`
  execFileSync('bash', ['-c', script, fileOf('peer'), ...paths], { stdio: 'ignore' })
}
const own =
  (paths: readonly string[], algorithm: 'gzip' | 'zstd' | 'none', level: number) => async (): Promise<void> => {
    await writeLayer(tar(storePathsTree(paths as StorePath[])), fileOf('own'), { algorithm, level })
  }

const measure = async (paths: readonly string[]): Promise<void> => {
  const rows = [
    ['gzip', 1, `pigz -1 -p${cores}`],
    ['gzip', 6, `pigz -6 -p${cores}`],
    ['zstd', 3, `zstd -3 -T${cores}`],
    ['none', 0, 'cat'],
  ] as const
  for (const [algorithm, level, compressor] of rows)
    await compare(`${algorithm} ${level}`, [
      { name: `tar | ${compressor}`, work: peer(paths, compressor), size: sizeOf('peer') },
      { name: 'this action', work: own(paths, algorithm, level), size: sizeOf('own') },
    ])
}

const real = await realClosure(['gcc', 'python3', 'git', 'perl'])
console.log(`gcc, python3, git and perl: ${real.files} files, ${(real.bytes / 1e6).toFixed(0)} MB, ${cores} cores`)
await measure(real.paths)

// Half of it can be compressed, as with programs, and nothing comes twice that is far apart.
const synthetic = join(folder, 'synthetic')
const text = Buffer.alloc(500_000, 'all work and no play ')
const blocks = function* (): Generator<Buffer> {
  for (let block = 0; block < 2000; block++) yield Buffer.concat([text, randomBytes(500_000)])
}
await writeFile(synthetic, blocks())
console.log(`\nOne file of ${(await stat(synthetic)).size / 1e6} MB`)
await measure([synthetic])
await rm(folder, { recursive: true })
