import { count, list, optional, parseJson, record, string } from '../lib/check.ts'
import { parseStorePath, type StorePath } from './store-path.ts'

/** A package of the image. `license` holds SPDX identifiers or names. */
export type Package = {
  readonly attr: string
  readonly name: string
  readonly version: string
  readonly outPath: StorePath
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
      path: parseStorePath(string(layer['path'], 'symlinkLayer.path'), 'symlinkLayer.path'),
      size: count(layer['size'], 'symlinkLayer.size'),
      sha256,
    },
    conflicts: list(parseConflict)(spec['conflicts'], 'conflicts'),
    unlinked: Object.fromEntries(
      Object.entries(record(spec['unlinked'], 'unlinked')).map(([attr, path]) => [
        attr,
        parseStorePath(string(path, `unlinked.${attr}`), `unlinked.${attr}`),
      ]),
    ),
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
    outPath: parseStorePath(string(fields['outPath'], `${what}.outPath`), `${what}.outPath`),
    license: list(string)(fields['license'], `${what}.license`),
    homepage: optional(string)(fields['homepage'], `${what}.homepage`),
  }
}
