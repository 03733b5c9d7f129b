import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { optional, parseJson, record, string } from '../lib/check.ts'
import { shownUrl } from '../lib/url-secrets.ts'
import { checkContent } from './check-content.ts'
import { type NarHash, parseNarHash } from './nar-hash.ts'
import type { Nix } from './nix.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/** A folder in the store with the hash of its content, which was compared with the files. */
export type StoredFolder = { readonly path: StorePath; readonly narHash: NarHash }

/**
 * Copies a folder into the store. Its name there does not depend on its name outside, so that equal content is one
 * path.
 */
export const addToStore = async (nix: Nix, folder: string, name: string): Promise<StoredFolder> =>
  stored(
    nix,
    await evaluate(nix, '{ name, path }: { path = builtins.path { inherit name path; }; }', { name, path: folder }),
  )

/** The same for the folder of a package set, without what is ignored in it; `temporary` is for a file. */
export const addPackageSet = async (
  nix: Nix,
  folder: string,
  ignored: readonly string[],
  temporary: string,
): Promise<StoredFolder> => {
  const file = join(temporary, 'ignored.json')
  // In a file, since an argument can be only so long.
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
 * Downloads and unpacks a tarball, and again if it was downloaded before, unless its hash is known and the store has
 * it: what is at a URL can change. The URL may have a secret in it: it is in a file in `temporary`, which only this
 * user can read, and what Nix remembers of it is not kept.
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

/** Fetches a git repository of a server, by default its HEAD. */
export const fetchGit = async (
  nix: Nix,
  url: string,
  ref: string | undefined,
  rev: string | undefined,
): Promise<StoredFolder & { readonly revision: string | undefined }> => {
  const given = { url, ...(ref && { ref }), ...(rev && { rev }), ...(rev && !ref && { allRefs: 'true' }) }
  const answer = await evaluate(nix, gitTree, { options: JSON.stringify(given) })
  const revision = optional(string)(answer['rev'], 'rev')
  return { ...(await stored(nix, answer)), revision: revision && /^0*$/.test(revision) ? undefined : revision }
}

const gitTree = `
  { options }:
  let
    given = builtins.fromJSON options;
    tree = builtins.fetchGit (given // { name = "source"; allRefs = given ? allRefs; });
  in
  { path = tree.outPath; inherit (tree) rev; }
`

/** Evaluates one of our own functions, with what it needs of the world outside. */
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
