import { invalidPaths } from './check-validity.ts'
import type { Nix } from './nix.ts'
import { perProcess } from './nix.ts'
import { isDerivation, parseStorePath, type StorePath } from './store-path.ts'

/**
 * What another run needs, so that it does not build: what came out of the derivations, and what they were made of. With
 * what these reference, it is all that was used, but for what evaluation brings into the store.
 */
export const usedPaths = async (derivations: readonly StorePath[], nix: Nix): Promise<StorePath[]> => {
  const inputs = (await query(nix, ['--references'], derivations)).filter(isDerivation)
  const candidates = [...new Set(await query(nix, ['--outputs'], [...derivations, ...inputs]))]
  // A package has outputs that no image needs, and which were not fetched.
  const invalid = new Set(await invalidPaths(candidates, nix))
  return candidates.filter((path) => !invalid.has(path))
}

/** What a derivation, and all that it needs to be built, may give. */
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
