import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { once } from '../lib/once.ts'

// A file of its own: beside `import.meta.dirname` the bundler does not see the program of a worker as such.

// TypeScript has it among the types of browsers only.
declare namespace WebAssembly {
  function compile(bytes: Uint8Array): Promise<object>
}

// `npm run build` puts it beside the bundle, wherever that is. This file reads it in `dist/`.
const here = import.meta.dirname
const dist = basename(here) === 'archive' ? join(here, '..', '..', 'dist') : here

/** libdeflate as a `WebAssembly.Module`, compiled once. Rejects if `dist/deflate.wasm` cannot be read. */
export const libdeflate = once(
  async (): Promise<object> => WebAssembly.compile(await readFile(join(dist, 'deflate.wasm'))),
)
