import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { once } from '../lib/once.ts'

// This is a separate file, since the bundler does not recognize the program of a worker in a file that has
// `import.meta.dirname`.

// TypeScript declares it only among the types of browsers.
declare namespace WebAssembly {
  function compile(bytes: Uint8Array): Promise<object>
}

// `npm run build` puts the file beside the bundle, in any folder. When this code runs from its source, it reads the
// file in `dist/`.
const here = import.meta.dirname
const dist = basename(here) === 'archive' ? join(here, '..', '..', 'dist') : here

/** libdeflate as a `WebAssembly.Module`, compiled once. Rejects if `dist/deflate.wasm` cannot be read. */
export const libdeflate = once(
  async (): Promise<object> => WebAssembly.compile(await readFile(join(dist, 'deflate.wasm'))),
)
