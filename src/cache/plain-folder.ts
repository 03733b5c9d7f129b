import { open } from 'node:fs/promises'

/** Matches the paths that `plainFolder` returns. */
export const plainNames = /\/proc\/\d+\/fd\/\d+\//g

/**
 * A path of the folder without special characters, valid until it is disposed of. `@actions/cache` splits command lines
 * at spaces, Nix splits settings, and Nix versions differ in which characters of a `file://` URL must be encoded.
 */
export const plainFolder = async (folder: string): Promise<AsyncDisposable & { readonly path: string }> => {
  const handle = await open(folder)
  return { path: `/proc/${process.pid}/fd/${handle.fd}`, [Symbol.asyncDispose]: () => handle.close() }
}
