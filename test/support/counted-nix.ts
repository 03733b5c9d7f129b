import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { pathWithNix } from './nix-places.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A PATH with Nix's programs, and the number of times that they were started through it. */
export type CountedNix = AsyncDisposable & { readonly path: string; count(): number }

/** Puts wrappers before Nix's programs, which write one line for each start. */
export const countNix = async (): Promise<CountedNix> => {
  const folder = await temporaryFolder('counted-nix')
  const calls = join(folder.path, 'calls')
  await writeFile(calls, '')
  for (const name of ['nix', 'nix-instantiate', 'nix-store'])
    await writeFile(
      join(folder.path, name),
      // Only the lookup of the real program uses this PATH. The program itself gets the whole PATH of its caller.
      `#!/bin/sh\necho "${name} $*" >> ${calls}\nexec "$(PATH='${pathWithNix()}' command -v ${name})" "$@"\n`,
      { mode: 0o755 },
    )
  return {
    path: [folder.path, pathWithNix()].join(delimiter),
    count: () => readFileSync(calls, 'utf8').split('\n').length - 1,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
