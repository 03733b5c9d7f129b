import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeLayer } from '../src/archive/layer.ts'
import { tar } from '../src/archive/tar.ts'
import { storePathsTree } from '../src/archive/tree.ts'
import { realClosure } from './closure.ts'

/**
 * Measures the levels of compression: the time to pack, the size, and the total time on networks of different speeds if
 * the bytes are sent once and fetched once.
 */

const { paths, bytes } = await realClosure(['gcc', 'python3', 'git', 'perl'])
const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-bench-'))
const networks = [100, 500, 1000]
console.log(`gcc, python3, git and perl: ${(bytes / 1e6).toFixed(0)} MB`)
console.log(`             pack      size ${networks.map((rate) => `  + ${rate} Mbit/s`).join('')}`)
for (const [algorithm, levels] of [
  ['gzip', [1, 2, 3, 4, 5, 6, 9]],
  ['zstd', [1, 3, 6, 9, 12]],
] as const)
  for (const level of levels) {
    const times: number[] = []
    let size = 0
    for (let round = 0; round < 3; round++) {
      const start = performance.now()
      const layer = await writeLayer(tar(storePathsTree(paths)), join(folder, 'layer'), { algorithm, level })
      times.push((performance.now() - start) / 1000)
      size = layer.descriptor.size
    }
    const time = times.toSorted((a, b) => a - b)[1] ?? 0
    const totals = networks.map((rate) => `${(time + (2 * size * 8) / (rate * 1e6)).toFixed(1).padStart(11)} s`)
    console.log(
      `${algorithm} ${String(level).padStart(2)} ${time.toFixed(2).padStart(8)} s ${(size / 1e6).toFixed(1).padStart(6)} MB${totals.join('')}`,
    )
  }
await rm(folder, { recursive: true })
