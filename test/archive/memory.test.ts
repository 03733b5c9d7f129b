import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../support/action.ts'
import { output } from '../support/process.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

/**
 * The size of a layer in bytes, before it is compressed. `npm run bench -- memory` measures the whole action, and
 * larger layers.
 */
const layer = 600_000_000

/** In MB: what a process may take to pack and push it. Most of it is for Node and for the blocks in progress. */
const most = 400

let registry: Registry
let folder: TemporaryFolder
let tree: string
beforeAll(async () => {
  registry = await startRegistry()
  folder = await temporaryFolder('memory')
  tree = join(folder.path, 'tree')
  await mkdir(tree)
  await using file = await open(join(tree, 'large'), 'w')
  await file.truncate(layer)
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
  await registry.stop()
})

test.each([
  ['gzip', '1'],
  ['zstd', '1'],
  ['none', '0'],
])('a layer is never in memory as a whole, with %s', async (algorithm, level) => {
  const script = join(root, 'test', 'support', 'pack-process.ts')
  const printed = await output(process.execPath, [script, registry.host, tree, folder.path, algorithm, level])
  expect(Number(printed)).toBeGreaterThan(20)
  expect(Number(printed)).toBeLessThan(most)
})
