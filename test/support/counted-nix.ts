import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { pathWithNix } from './nix-places.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** The PATH with Nix's programs, and how often they were started by it. */
export type CountedNix = AsyncDisposable & { readonly path: string; count(): number }

/** Puts programs before Nix's that write a line each time before they start the real one. */
export const countNix = async (): Promise<CountedNix> => {
  const folder = await temporaryFolder('counted-nix')
  const calls = join(folder.path, 'calls')
  await writeFile(calls, '')
  for (const name of ['nix', 'nix-instantiate', 'nix-store'])
    await writeFile(
      join(folder.path, name),
      // What else is before it on the PATH stays there.
      `#!/bin/sh\necho "${name} $*" >> ${calls}\nexec "$(PATH='${pathWithNix()}' command -v ${name})" "$@"\n`,
      { mode: 0o755 },
    )
  return {
    path: [folder.path, pathWithNix()].join(delimiter),
    count: () => readFileSync(calls, 'utf8').split('\n').length - 1,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
