import { execFileSync } from 'node:child_process'
import type { StorePath } from '../src/nix/store-path.ts'
import { debianSet } from '../test/support/debian-set.ts'
import { nixConfigFolder } from '../test/support/nix-places.ts'
import { prepareNixConfig } from '../test/support/test-world.ts'

/** Store paths on this machine; `bytes` is their size as NARs. */
export type RealClosure = {
  readonly set: string
  readonly paths: StorePath[]
  readonly bytes: number
  readonly files: number
}

/** Builds packages of the large Debian set, with all that they need: many small files and some big ones. */
export const realClosure = async (packages: readonly string[]): Promise<RealClosure> => {
  await prepareNixConfig()
  const set = await debianSet({ large: true })
  const env = { ...process.env, NIX_CONF_DIR: nixConfigFolder }
  const lines = (program: string, ...args: string[]): string[] =>
    execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 })
      .trimEnd()
      .split('\n')
  const expression = `with import ${set} { system = builtins.currentSystem; config = { }; overlays = [ ]; }; [ ${packages.join(' ')} ]`
  const paths = lines(
    'nix-store',
    '--query',
    '--requisites',
    ...lines('nix-build', '--no-out-link', '--expr', expression),
  )
  const bytes = lines('nix-store', '--query', '--size', ...paths).reduce((total, size) => total + Number(size), 0)
  return { set, paths: paths as StorePath[], bytes, files: lines('find', ...paths, '-type', 'f').length }
}
