import type { Closure } from '../graph/closure.ts'
import { changedInStore } from '../nix/changed-in-store.ts'
import type { StorePath } from '../nix/store-path.ts'
import type { PackedNar } from './hash-archive.ts'

/**
 * Compares store paths, as they were read, with Nix's database. Throws a `UserError` that names a path whose hash or
 * size is not the one that Nix recorded, and an `Error` if the paths are not those of `expected`.
 */
export const checkNars = (
  nars: readonly PackedNar[],
  expected: readonly StorePath[],
  { paths }: Pick<Closure, 'paths'>,
): void => {
  const read = nars.map(({ path }) => path).join(' ')
  const sorted = expected.toSorted().join(' ')
  if (read !== sorted) throw new Error(`an archive should have ${sorted}, but has ${read}`)
  for (const { path, narHash, narSize } of nars) {
    const info = paths.get(path)
    if (info?.narHash !== narHash) throw changedInStore(path, `its hash is ${narHash} and not ${info?.narHash}`)
    if (info.narSize !== narSize) throw changedInStore(path, `it has ${narSize} bytes as a NAR and not ${info.narSize}`)
  }
}
