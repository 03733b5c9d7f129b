import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { list, parseJson, record, string } from '../lib/check.ts'
import { CommandError } from '../lib/command.ts'
import { exists } from '../lib/exists.ts'
import { invalidPaths } from './check-validity.ts'
import type { Nix } from './nix.ts'
import { parseStorePath } from './store-path.ts'

/** What a builder of this Nix can see; `nothing` means a sandbox. `fault` is Nix's reason if it cannot build at all. */
export type Sight = { readonly sees: 'nothing' | 'machine' | 'secrets' } | { readonly fault: string }

/**
 * A builder that is part of Nix. It copies a file, and fails if it does not find the file with this content. An output
 * with a fixed hash is the weakest case: a relaxed sandbox does not apply to it, and it may use the network.
 */
const copies = `
  { seed, control, files }:
  let
    copy = name: { path, sha256 }: derivation rec {
      inherit name;
      system = builtins.currentSystem;
      builder = "builtin:fetchurl";
      url = "file://\${path}";
      urls = [ url ];
      outputHashMode = "flat";
      outputHashAlgo = "sha256";
      outputHash = sha256;
      executable = false;
      unpack = false;
      preferLocalBuild = true;
      allowSubstitutes = false;
    };
    fromStore = file: file // { path = builtins.path { name = "nix-image-action-probe"; inherit (file) path; }; };
  in
  map ({ drvPath, outPath, ... }: { derivation = drvPath; output = outPath; }) (
    [ (copy "nix-image-action-control-\${seed}" (fromStore (builtins.fromJSON control))) ]
    ++ map (copy "nix-image-action-seen-\${seed}") (builtins.fromJSON files)
  )
`

/**
 * Has Nix build derivations that look for files: one that everybody on the machine can read, one that only this user
 * can read, and one in each folder with secrets of the job. Files of this run are put into these folders for a moment.
 */
export const probeSandbox = async (
  nix: Nix,
  { temporary, secretFolders }: { readonly temporary: string; readonly secretFolders: readonly string[] },
): Promise<Sight> => {
  const own = await probe(nix, temporary, (sentinel) => [passwd, { path: sentinel, reveals: 'secrets' }])
  if ('fault' in own || own.sees !== 'machine') return own
  await using placed = new AsyncDisposableStack()
  const files: Place[] = [passwd]
  const name = `.nix-image-action-${basename(await mkdtemp(join(temporary, 'probe-')))}`
  for (const folder of new Set(secretFolders)) {
    const path = join(folder, name)
    if (!(await exists(folder))) continue
    // Each file has its own content: Nix waits for ever if it has to build the same output twice at a time.
    const isThere = await writeFile(path, path, { mode: 0o644, flag: 'wx' }).then(
      () => true,
      () => false,
    )
    // Without a file, the probe cannot show that the folder is safe.
    if (!isThere) return { sees: 'secrets' }
    placed.defer(() => rm(path, { force: true }))
    files.push({ path, reveals: 'secrets' })
  }
  return await probe(nix, temporary, () => files)
}

type Place = { readonly path: string; readonly reveals: 'machine' | 'secrets' }

/** A sandbox has its own file here, or none. */
const passwd: Place = { path: '/etc/passwd', reveals: 'machine' }

const probe = async (
  nix: Nix,
  temporary: string,
  placesWith: (sentinel: string) => readonly Place[],
): Promise<Sight> => {
  const folder = await mkdtemp(join(temporary, 'probe-'))
  const seed = basename(folder)
  const control = join(folder, 'control')
  const sentinel = join(folder, 'sentinel')
  await writeFile(control, `control of ${folder}`)
  await writeFile(sentinel, `sentinel of ${folder}`, { mode: 0o600 })
  const places = placesWith(sentinel)
  const withHash = async (path: string) => ({
    path,
    sha256: createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  })
  const files = await Promise.all(places.map(({ path }) => withHash(path)))
  const given = { seed, control: JSON.stringify(await withHash(control)), files: JSON.stringify(files) }
  const evaluate = nix(
    'nix-instantiate',
    [
      ...['--eval', '--strict', '--json', '--read-write-mode', '--expr', copies],
      ...Object.entries(given).flatMap(([name, value]) => ['--argstr', name, value]),
    ],
    { quiet: true },
  )
  const answer = await evaluate.catch(asFault)
  if (typeof answer !== 'string') return answer
  const copied = list(record)(parseJson(answer, 'the probe'), 'the probe')
  const paths = (name: string) => copied.map((fields) => parseStorePath(string(fields[name], name), name))
  const ended = await nix('nix-store', ['--realise', '--keep-going', ...paths('derivation')], { quiet: true }).catch(
    asFault,
  )
  const outputs = paths('output')
  const missing = new Set(await invalidPaths(outputs, nix))
  const [own, ...seen] = outputs.map((path) => !missing.has(path))
  if (!own) return typeof ended === 'string' ? { fault: 'nothing comes of a build' } : ended
  const revealed = new Set(places.flatMap(({ reveals }, index) => (seen[index] ? [reveals] : [])))
  return { sees: revealed.has('secrets') ? 'secrets' : revealed.has('machine') ? 'machine' : 'nothing' }
}

/** Nix's first errors say what it was doing, and the last one gives the reason. */
const asFault = (error: unknown): { readonly fault: string } => {
  if (!(error instanceof CommandError)) throw error
  const errors = [...error.stderr.matchAll(/^\s*error: (\S.*)$/gm)].map(([, text = '']) => text)
  return { fault: errors.findLast((text) => !/dependenc|^build of/.test(text)) ?? 'Nix does not say why' }
}
