import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { nixConfigFolder, pathWithNix } from './nix-places.ts'
import { output } from './process.ts'

/** A derivation whose builder, if it ever runs, records the environments of all processes. */
export type Spy = {
  readonly derivation: StorePath
  /** The URL of the store with the derivation. */
  readonly store: string
  /** The environments that the builder has recorded; `undefined` if it has not run. */
  readonly loot: () => Promise<string | undefined>
}

let spies = 0

/** Makes a spy in a new store below `folder`. */
export const makeSpy = async (folder: string): Promise<Spy> => {
  const place = join(folder, `spy-${spies++}`)
  await mkdir(place)
  const file = join(place, 'loot')
  const store = `local?root=${join(place, 'root')}`
  const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'
  const expression = `derivation {
    name = "spy";
    system = "${system}";
    builder = "/bin/bash";
    args = [ "-c" "cat /proc/[0-9]*/environ > ${file} 2>/dev/null; echo > $out; exit" ];
    PATH = "/usr/bin:/bin";
  }`
  const env = { PATH: pathWithNix(), HOME: place, NIX_CONF_DIR: nixConfigFolder, NIX_REMOTE: store }
  const derivation = parseStorePath(
    (await output('nix-instantiate', ['--expr', expression], { env })).trim(),
    'the derivation',
  )
  return { derivation, store, loot: async () => (existsSync(file) ? readFile(file, 'utf8') : undefined) }
}

/** Adds the derivation to a binary cache. Nothing vouches for it there but its own text. */
export const copySpy = ({ derivation, store }: Spy, entry: string): Promise<string> => {
  const env = { PATH: pathWithNix(), HOME: entry, NIX_CONF_DIR: nixConfigFolder, NIX_REMOTE: store }
  const to = `file://${entry}?compression=zstd`
  const args = ['copy', '--extra-experimental-features', 'nix-command', '--derivation', '--to', to, derivation]
  return output('nix', args, { env })
}
