import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { inBlocks, release } from '../src/archive/block.ts'
import { compress } from '../src/archive/compress.ts'
import { blockSize, type Compression } from '../src/archive/compression.ts'
import { digesting } from '../src/archive/digest.ts'
import { writeLayer } from '../src/archive/layer.ts'
import { tar } from '../src/archive/tar.ts'
import { storePathsTree, type TreeEntry } from '../src/archive/tree.ts'
import { limiter } from '../src/lib/concurrent.ts'
import type { StorePath } from '../src/nix/store-path.ts'
import { realClosure } from './closure.ts'
import { compare, median } from './measure.ts'

/**
 * Packs and compresses a closure as one layer, beside tar with pigz or zstd that does the same work. Measures the cost
 * of proving its store paths, beside the same stage without the proof, in one layer and in as many as an image has.
 * Then does the same with a synthetic file of 2 GB.
 */

const cores = availableParallelism()
const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-bench-'))

const fileOf = (name: string): string => join(folder, name)
const sizeOf = (name: string) => async (): Promise<number> => (await stat(fileOf(name))).size
const peer = (paths: readonly string[], compressor: string) => async (): Promise<void> => {
  const script = `tar --create --sort name --mtime @1 --owner 0 --group 0 --numeric-owner -C / "\${@#/}" | tee >(sha256sum >&2) | ${compressor} | tee >(sha256sum >&2) > "$0"`
  execFileSync('bash', ['-c', script, fileOf('peer'), ...paths], { stdio: 'ignore' })
}

/** The entries of the paths as a layer. A path that is not in the store gets a name in the store. */
function* tree(paths: readonly string[]): Generator<TreeEntry> {
  for (const entry of storePathsTree(paths as StorePath[]))
    yield /^nix(\/|$)/.test(entry.name) ? entry : { ...entry, name: 'nix/store/synthetic' }
}

type Pack = (paths: readonly string[], name: string, compression: Compression) => Promise<void>

const withProof: Pack = async (paths, name, compression) => {
  await writeLayer(tar(tree(paths)), fileOf(name), compression, 'store paths')
}

/** Computes both digests of a layer in the thread that reads, as the action did before it hashed NARs. */
const withoutProof: Pack = async (paths, name, { algorithm, level }) => {
  const blocks = digesting().through(inBlocks(tar(tree(paths)), blockSize[algorithm], 1))
  const bytes = algorithm === 'none' ? blocks : digesting().through(compress(blocks, algorithm, level, release))
  await pipeline(bytes, createWriteStream(fileOf(name)))
}

const rows = [
  ['gzip', 1, `pigz -1 -p${cores}`],
  ['gzip', 5, `pigz -5 -p${cores}`],
  ['zstd', 3, `zstd -3 -T${cores}`],
  ['none', 0, 'cat'],
] as const

const measure = async (paths: readonly string[]): Promise<void> => {
  for (const [algorithm, level, compressor] of rows)
    await compare(`${algorithm} ${level}`, [
      { name: `tar | ${compressor}`, work: peer(paths, compressor), size: sizeOf('peer') },
      { name: 'this action', work: () => withProof(paths, 'own', { algorithm, level }), size: sizeOf('own') },
    ])
}

/** Prints the medians of the elapsed time in seconds, its ratio, and the ratio of the processor time. */
const costOfProof = async (layers: readonly (readonly string[])[], rounds = 9): Promise<void> => {
  console.log(`\nthe proof of store paths, ${layers.length} layers       before      after            processors`)
  for (const [algorithm, level] of rows) {
    const packs = [withoutProof, withProof].map((pack) => ({ pack, times: [] as number[], processors: [] as number[] }))
    for (let round = 0; round <= rounds; round++)
      // Each of the two comes first equally often.
      for (const { pack, times, processors } of round % 2 ? packs : packs.toReversed()) {
        const packing = limiter(2)
        const start = performance.now()
        const used = process.cpuUsage()
        await Promise.all(
          layers.map((paths, index) => packing(() => pack(paths, `proof-${index % 2}`, { algorithm, level }))),
        )
        const { user, system } = process.cpuUsage(used)
        // The first round also starts threads, so it does not count.
        if (round === 0) continue
        times.push((performance.now() - start) / 1000)
        processors.push((user + system) / 1e6)
      }
    const [before = 0, after = 0] = packs.map(({ times }) => median(times))
    const [busyBefore = 0, busyAfter = 0] = packs.map(({ processors }) => median(processors))
    const ratio = (a: number, b: number): string => `× ${(b / a).toFixed(2)}`
    console.log(
      `${`${algorithm} ${level}`.padEnd(40)} ${before.toFixed(3)} s    ${after.toFixed(3)} s  ${ratio(before, after)}     ${ratio(busyBefore, busyAfter)}`,
    )
  }
}

const real = await realClosure(['gcc', 'python3', 'git', 'perl'])
console.log(`gcc, python3, git and perl: ${real.files} files, ${(real.bytes / 1e6).toFixed(0)} MB, ${cores} cores`)
await costOfProof([real.paths])
const layers: string[][] = Array.from({ length: 62 }, () => [])
for (const [index, path] of real.paths.entries()) layers[index % layers.length]?.push(path)
await costOfProof(layers)
await measure(real.paths)

// Half of it is compressible, as in programs, and nothing repeats only far away.
const synthetic = join(folder, 'synthetic')
const text = Buffer.alloc(500_000, 'all work and no play ')
const blocks = function* (): Generator<Buffer> {
  for (let block = 0; block < 2000; block++) yield Buffer.concat([text, randomBytes(500_000)])
}
await writeFile(synthetic, blocks())
console.log(`\nOne file of ${(await stat(synthetic)).size / 1e6} MB`)
await costOfProof([[synthetic]], 3)
await measure([synthetic])
await rm(folder, { recursive: true })
