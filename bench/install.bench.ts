import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../src/lib/command.ts'
import { unpackRelease } from '../src/nix/unpack.ts'
import { nixReleaseTarball } from '../test/support/nix-release.ts'
import prepareTestWorld from '../test/support/test-world.ts'
import { compare } from './measure.ts'

/** Unpacks a release of Nix into a store, beside `tar` unpacking the same archive. */

await prepareTestWorld()
const { file } = await nixReleaseTarball()
const options = { environment: { PATH: process.env['PATH'] ?? '' }, signal: new AbortController().signal }
const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'
let folder = ''

const prepare = async (): Promise<void> => {
  if (folder) {
    await command('chmod', ['--recursive', 'u+w', folder], options)
    await rm(folder, { recursive: true })
  }
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-bench-'))
}

await compare('Unpacking a release of Nix', [
  {
    name: 'tar --extract',
    prepare,
    work: async () => void (await command('tar', ['--extract', '--file', file, '--directory', folder], options)),
  },
  { name: 'this action', prepare, work: async () => (await unpackRelease(file, system, folder, options)).remove() },
])
await rm(folder, { recursive: true, force: true })
