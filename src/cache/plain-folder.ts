import { open } from 'node:fs/promises'

/** What `plainFolder` names folders. */
export const plainNames = /\/proc\/\d+\/fd\/\d+\//g

/**
 * The folder under a name without special characters, until it is disposed of. `@actions/cache` takes a command line
 * apart at spaces, Nix takes settings apart, and which characters it wants encoded in a `file://` URL depends on its
 * version.
 */
export const plainFolder = async (folder: string): Promise<AsyncDisposable & { readonly path: string }> => {
  const handle = await open(folder)
  return { path: `/proc/${process.pid}/fd/${handle.fd}`, [Symbol.asyncDispose]: () => handle.close() }
}
