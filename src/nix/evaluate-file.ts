import { parseJson, record } from '../lib/check.ts'
import { addToStore } from './add-to-store.ts'
import { explainNix } from './explain.ts'
import type { Nix } from './nix.ts'
import type { FetchedSource } from './source.ts'

/**
 * Pure evaluation cannot read files, but it can read a store path whose hash is given. The expression is constant, and
 * only its arguments differ from run to run, so that no text of a user is read as Nix.
 */
const expression = `
  { nixPath, nixHash, file, ... }@arguments:
  let
    nix = builtins.path { name = "nix-image-action"; path = nixPath; sha256 = nixHash; };
    result = import (nix + "/\${file}") (
      removeAttrs arguments [ "nixPath" "nixHash" "file" ] // { loadPkgs = nix + "/load-pkgs.nix"; }
    );
  in
  if result ? drvPath then { inherit (result) drvPath tools; } else result
`

/** In bytes. The answer has a few store paths, or the wrong names with some similar ones. */
const outputLimit = 8_000_000

/**
 * Evaluates a file of `nix/` with the package set and these arguments. Returns the set that it gives, or `drvPath` and
 * `tools` of a derivation. Throws a `CommandError` if Nix does. A trial may well fail, so that its errors are
 * not in the log; its `config` is in place of that of the set.
 */
export type EvaluateFile = (
  file: string,
  args: Readonly<Record<string, string>>,
  trial?: Pick<CalledSet, 'config'>,
) => Promise<Record<string, unknown>>

/** A package set and how it is called. `system` is Nix's name of the machine that the packages are for. */
export type CalledSet = {
  readonly nixDirectory: string
  readonly source: FetchedSource
  readonly config: Readonly<Record<string, unknown>>
  readonly system: string
}

/** Puts `nixDirectory` into the store, for what evaluates its files. Throws a `UserError` if Nix cannot do so. */
export const evaluatorFor = async (set: CalledSet, nix: Nix): Promise<EvaluateFile> => {
  const { nixDirectory, source, config, system } = set
  const own = await addToStore(nix, nixDirectory, 'nix-image-action').catch((error) => {
    throw explainNix(error, 'Nix cannot write to its store')
  })
  return async (file, others, trial) => {
    const strings = {
      nixPath: own.path,
      nixHash: own.narHash,
      file,
      srcType: source.srcType,
      srcArgs: JSON.stringify(source.srcArgs),
      importArgs: JSON.stringify({ config: trial?.config ?? config }),
      system,
      ...others,
    }
    const args = [
      '--eval',
      '--strict',
      '--json',
      '--read-write-mode',
      '--show-trace',
      ...['--option', 'pure-eval', 'true'],
      ...['--option', 'allow-import-from-derivation', 'false'],
      ...['--expr', expression],
      ...Object.entries(strings).flatMap(([name, value]) => ['--argstr', name, value]),
    ]
    return record(
      parseJson(await nix('nix-instantiate', args, { outputLimit, quiet: trial !== undefined }), 'the evaluation'),
      'the evaluation',
    )
  }
}
