import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeLayer } from '../src/archive/layer.ts'
import { tar } from '../src/archive/tar.ts'
import { storePathsTree } from '../src/archive/tree.ts'
import type { StorePath } from '../src/nix/store-path.ts'

/** Measures how the time to pack grows with bytes and with files. The rates should stay flat. */

const folder = mkdtempSync(join(tmpdir(), 'nix-image-action-bench-'))
const seconds = async (path: string): Promise<number> => {
  const times: number[] = []
  for (let round = 0; round < 3; round++) {
    const start = performance.now()
    await writeLayer(tar(storePathsTree([path as StorePath])), join(folder, 'layer'), { algorithm: 'zstd', level: 1 })
    times.push((performance.now() - start) / 1000)
  }
  return times.toSorted((a, b) => a - b)[1] ?? 0
}

const block = Buffer.alloc(1_000_000)
for (let index = 0; index < block.length; index += 4) block.writeUInt32LE((index * 2654435761) % 65_536, index)
for (const megabytes of [10, 100, 1000, 2000]) {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  for (let written = 0; written < megabytes; written++) writeFileSync(file, block, { flag: 'a' })
  const time = await seconds(file)
  console.log(
    `${String(megabytes).padStart(7)} MB    ${time.toFixed(2).padStart(6)} s ${(megabytes / time).toFixed(0).padStart(7)} MB/s`,
  )
  rmSync(file)
}

for (const files of [1000, 10_000, 100_000, 200_000]) {
  const tree = join(folder, 'tree')
  for (let index = 0; index < files; index++) {
    if (index % 200 === 0) mkdirSync(join(tree, `${index / 200}`), { recursive: true })
    writeFileSync(join(tree, `${Math.floor(index / 200)}`, `${index}`), block.subarray(0, 1024))
  }
  const time = await seconds(tree)
  console.log(
    `${String(files).padStart(7)} files ${time.toFixed(2).padStart(6)} s ${(files / time).toFixed(0).padStart(7)} files/s`,
  )
  rmSync(tree, { recursive: true })
}
rmSync(folder, { recursive: true })
