import { invalidPaths } from './check-validity.ts'
import type { Nix } from './nix.ts'
import { perProcess } from './nix.ts'
import { isDerivation, parseStorePath, type StorePath } from './store-path.ts'

/**
 * The paths that another run needs so that it does not build: the outputs of the derivations and of their direct
 * inputs. With all paths that these reference, they are everything that was used, except for paths that evaluation adds
 * to the store.
 */
export const usedPaths = async (derivations: readonly StorePath[], nix: Nix): Promise<StorePath[]> => {
  const inputs = (await query(nix, ['--references'], derivations)).filter(isDerivation)
  const candidates = [...new Set(await query(nix, ['--outputs'], [...derivations, ...inputs]))]
  // A package may have outputs that no image needs, which were not fetched.
  const invalid = new Set(await invalidPaths(candidates, nix))
  return candidates.filter((path) => !invalid.has(path))
}

/** The outputs of a derivation and of all derivations that it needs. */
export const possibleOutputs = async (derivation: StorePath, nix: Nix): Promise<Set<StorePath>> => {
  const derivations = (await query(nix, ['--requisites'], [derivation])).filter(isDerivation)
  return new Set(await query(nix, ['--outputs'], derivations))
}

const query = async (nix: Nix, what: readonly string[], paths: readonly StorePath[]): Promise<StorePath[]> => {
  const answers: string[] = []
  for (let start = 0; start < paths.length; start += perProcess)
    answers.push(await nix('nix-store', ['--query', ...what, ...paths.slice(start, start + perProcess)]))
  return answers
    .flatMap((answer) => answer.split('\n'))
    .filter((line) => line !== '')
    .map((line) => parseStorePath(line, 'what Nix lists'))
}
