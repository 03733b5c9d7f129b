import { count, list, optional, parseJson, record, string } from '../lib/check.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/** An output of a package, as `{ name: 'man', path }`. */
type Output = { readonly name: string; readonly path: StorePath }

/** A package of the image. `license` holds SPDX identifiers, SPDX expressions or names. */
export type Package = {
  readonly attr: string
  readonly name: string
  readonly version: string
  /** The default output. */
  readonly outPath: StorePath
  /** The outputs whose files are linked, the default one first. Empty for a package that is linked nowhere. */
  readonly outputs: readonly Output[]
  readonly license: readonly string[]
  readonly homepage: string | undefined
}

/**
 * Two packages have a file of the same name. The image has the one of the package that is named first. Both are paths
 * of files in the store.
 */
export type Conflict = { readonly path: string; readonly winner: string; readonly loser: string }

/** The description of an image that `nix/build-image.nix` gives; `size` in bytes, `sha256` in hex. */
export type ImageSpec = {
  /** The output of `exportReferencesGraph`, for `checkClosure`. */
  readonly runtimeGraph: unknown
  readonly roots: unknown
  readonly symlinkLayer: { readonly path: StorePath; readonly size: number; readonly sha256: string }
  readonly conflicts: readonly Conflict[]
  /** The packages that are in the image but are linked nowhere, by attribute path. */
  readonly unlinked: Readonly<Record<string, StorePath>>
  /** The outputs of packages that are to be linked, but have nothing that can be: no folder, or no file in it. */
  readonly withoutFiles: readonly StorePath[]
  readonly packages: readonly Package[]
}

/** Checks the JSON that `nix/build-image.nix` makes. Throws an `Error` that names the wrong field. */
export const parseImageSpec = (json: string): ImageSpec => {
  const spec = record(parseJson(json, 'the image specification'), 'the image specification')
  const layer = record(spec['symlinkLayer'], 'symlinkLayer')
  const sha256 = string(layer['sha256'], 'symlinkLayer.sha256')
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`symlinkLayer.sha256 should be 64 hex digits, but is ${sha256}`)
  return {
    runtimeGraph: spec['runtimeGraph'],
    roots: spec['roots'],
    symlinkLayer: {
      path: parsePath(layer['path'], 'symlinkLayer.path'),
      size: count(layer['size'], 'symlinkLayer.size'),
      sha256,
    },
    conflicts: list(parseConflict)(spec['conflicts'], 'conflicts'),
    unlinked: Object.fromEntries(
      Object.entries(record(spec['unlinked'], 'unlinked')).map(([attr, path]) => [
        attr,
        parsePath(path, `unlinked.${attr}`),
      ]),
    ),
    withoutFiles: list(parsePath)(spec['withoutFiles'], 'withoutFiles'),
    packages: list(parsePackage)(spec['packages'], 'packages'),
  }
}

export const parseConflict = (value: unknown, what: string): Conflict => {
  const { path, winner, loser } = record(value, what)
  return {
    path: string(path, `${what}.path`),
    winner: string(winner, `${what}.winner`),
    loser: string(loser, `${what}.loser`),
  }
}

export const parsePackage = (value: unknown, what: string): Package => {
  const fields = record(value, what)
  return {
    attr: string(fields['attr'], `${what}.attr`),
    name: string(fields['name'], `${what}.name`),
    version: string(fields['version'], `${what}.version`),
    outPath: parsePath(fields['outPath'], `${what}.outPath`),
    outputs: list(parseOutput)(fields['outputs'], `${what}.outputs`),
    license: list(string)(fields['license'], `${what}.license`),
    homepage: optional(string)(fields['homepage'], `${what}.homepage`),
  }
}

const parseOutput = (value: unknown, what: string): Output => {
  const { name, path } = record(value, what)
  return { name: string(name, `${what}.name`), path: parsePath(path, `${what}.path`) }
}

const parsePath = (value: unknown, what: string): StorePath => parseStorePath(string(value, what), what)
