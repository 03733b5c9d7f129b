import { mkdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { countNix } from './counted-nix.ts'
import { output } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

test('a start counts once, and what is before the counter on the PATH stays there', async () => {
  await using nix = await countNix()
  await using folder = await temporaryFolder('counted-nix-test')
  const first = join(folder.path, 'first')
  await mkdir(first)
  const env = { ...process.env, PATH: [first, nix.path].join(delimiter) }
  expect(await output('nix-store', ['--version'], { env })).toMatch(/^nix-store \(Nix\) /)
  expect(nix.count()).toBe(1)
})
