import { invalidPaths } from './check-validity.ts'
import type { Nix } from './nix.ts'
import type { FetchedSource } from './source.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/**
 * What another run needs, so that it neither downloads nor builds: the source, where it would be downloaded again, what came out
 * of the derivations, and what they were made of. With what these reference, it is all that was used.
 */
export const usedPaths = async (
  derivations: readonly StorePath[],
  { srcType, narHash }: FetchedSource,
  nix: Nix,
): Promise<StorePath[]> => {
  const query = async (...args: readonly string[]): Promise<StorePath[]> =>
    (await nix('nix-store', args))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => parseStorePath(line, 'what Nix lists'))
  const inputs = (await query('--query', '--references', ...derivations)).filter((path) => path.endsWith('.drv'))
  const outputs = await query('--query', '--outputs', ...derivations, ...inputs)
  const source =
    srcType === 'nixpkgs' || srcType === 'tarball'
      ? await query('--print-fixed-path', '--recursive', 'sha256', narHash, 'source')
      : []
  const candidates = [...new Set([...source, ...outputs])]
  // A package has outputs that no image needs, and which were not fetched.
  const invalid = new Set(await invalidPaths(candidates, nix))
  return candidates.filter((path) => !invalid.has(path))
}
