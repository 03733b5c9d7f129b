import type { Closure } from '../graph/closure.ts'
import { changedInStore } from '../nix/changed-in-store.ts'
import type { StorePath } from '../nix/store-path.ts'
import type { PackedNar } from './hash-archive.ts'

/**
 * Compares what was read from the store with what Nix's database says of it. Throws a `UserError` that names a path
 * which is not what Nix put there, and an `Error` if other paths than `expected` were read.
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
