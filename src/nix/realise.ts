import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { explainNix } from './explain.ts'
import { type ImageSpec, parseImageSpec } from './image-spec.ts'
import type { Nix } from './nix.ts'
import type { StorePath } from './store-path.ts'

/**
 * Builds the derivation of an image, and with it all packages or what substitutes them, and reads what it says. A link in `temporary` keeps all of it
 * from being collected until the run ends. Throws a `UserError` with the end of the log if something does not build.
 */
export const realiseImage = async (derivation: StorePath, temporary: string, nix: Nix): Promise<ImageSpec> => {
  const root = join(temporary, 'image')
  // What builders print is not for everybody's log; without it, Nix puts its end into the error.
  const quiet = ['--no-build-output', '--option', 'log-lines', '20']
  await nix('nix-store', ['--realise', derivation, '--add-root', root, '--indirect', ...quiet]).catch((error) => {
    throw explainNix(error, 'The packages cannot be built')
  })
  return parseImageSpec(await readFile(root, 'utf8'))
}
