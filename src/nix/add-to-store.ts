import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseJson, record, string } from '../lib/check.ts'
import { shownUrl } from '../lib/url-secrets.ts'
import { checkContent } from './check-content.ts'
import { type NarHash, parseNarHash } from './nar-hash.ts'
import type { Nix } from './nix.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/** A folder in the store and the hash of its content. The files have been compared with the hash. */
export type StoredFolder = { readonly path: StorePath; readonly narHash: NarHash }

/**
 * Copies a folder into the store. Its name there does not depend on its name outside, so equal content has one path.
 */
export const addToStore = async (nix: Nix, folder: string, name: string): Promise<StoredFolder> =>
  stored(
    nix,
    await evaluate(nix, '{ name, path }: { path = builtins.path { inherit name path; }; }', { name, path: folder }),
  )

/**
 * Copies the folder of a package set into the store, without `.git` and the names in `ignored`. Writes a file into
 * `temporary`.
 */
export const addPackageSet = async (
  nix: Nix,
  folder: string,
  ignored: readonly string[],
  temporary: string,
): Promise<StoredFolder> => {
  const file = join(temporary, 'ignored.json')
  // The list goes into a file, since the length of an argument is limited.
  await writeFile(file, JSON.stringify(Object.fromEntries(ignored.map((name) => [name, true]))))
  return stored(nix, await evaluate(nix, filteredPath, { path: folder, ignored: file }))
}

const filteredPath = `
  { path, ignored }:
  let
    isIgnored = builtins.fromJSON (builtins.readFile ignored);
    start = builtins.stringLength path + 1;
  in
  {
    path = builtins.path {
      name = "source";
      inherit path;
      filter = file: type: baseNameOf file != ".git" && !(isIgnored ? \${builtins.substring start (-1) file});
    };
  }
`

/**
 * Downloads and unpacks a tarball. Nix downloads it again even if it has done so before, since the content of a URL can
 * change, unless the hash is known and the store has the content. The URL may contain a secret. It is passed in a file
 * in `temporary` that only this user can read, and Nix's cache for such a URL is in `temporary` too.
 */
export const fetchTarball = async (
  nix: Nix,
  url: string,
  narHash: NarHash | undefined,
  temporary: string,
): Promise<StoredFolder> => {
  const file = join(temporary, 'tarball.json')
  await writeFile(file, JSON.stringify({ url, ...(narHash && { sha256: narHash }) }), { mode: 0o600 })
  const options = url === shownUrl(url) ? {} : { cache: join(temporary, 'nix-cache') }
  try {
    return await stored(nix, await evaluate(nix, tarballInFile, { file }, options))
  } finally {
    await rm(file)
  }
}

const tarballInFile = `
  { file }: { path = fetchTarball (builtins.fromJSON (builtins.readFile file) // { name = "source"; }); }
`

/** Evaluates one of the functions in this file, which may read files and use the network. */
const evaluate = async (
  nix: Nix,
  expression: string,
  args: Record<string, string>,
  options?: Parameters<Nix>[2],
): Promise<Record<string, unknown>> => {
  const given = [
    ...['--eval', '--strict', '--json', '--read-write-mode', '--option', 'tarball-ttl', '0', '--expr', expression],
    ...Object.entries(args).flatMap(([name, value]) => ['--argstr', name, value]),
  ]
  const answer = await nix('nix-instantiate', given, options)
  return record(parseJson(answer, 'what was fetched'), 'what was fetched')
}

const stored = async (nix: Nix, answer: Record<string, unknown>): Promise<StoredFolder> => {
  const what = 'the path in the store'
  const path = parseStorePath(string(answer['path'], what), what)
  const hash = await nix('nix-store', ['--query', '--hash', path])
  const narHash = parseNarHash(hash.trim(), `the hash of ${path}`)
  checkContent(path, narHash)
  return { path, narHash }
}
