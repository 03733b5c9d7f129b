import { toClosure } from '../graph/closure.ts'
import type { Contents, DanglingLink, DefaultConfiguration, Layer } from '../image/contents.ts'
import { checkPartition } from '../layers/partition.ts'
import { boolean, count, list, optional, record, string } from '../lib/check.ts'
import { parseConflict, parsePackage } from '../nix/image-spec.ts'
import { parseStorePath, type StorePath } from '../nix/store-path.ts'
import { type Descriptor, parseDigest } from '../oci/descriptor.ts'
import type { KeyedLayer } from '../oci/layer-annotations.ts'
import { isLayerMediaType } from '../oci/media-type.ts'
import type { PathReader, PathWriter } from './path-table.ts'

/** The contents of an image as a JSON value. The store paths of its closure go into the table of `paths`. */
export const printContents = (
  { packages, withoutFiles, conflicts, danglingLinks, hasShell, closure, defaults, layers }: Contents,
  paths: PathWriter,
): unknown => ({
  packages,
  withoutFiles: withoutFiles.map(paths.name),
  conflicts,
  danglingLinks,
  hasShell,
  runtimeGraph: [...closure.paths.values()].map(paths.info),
  roots: closure.roots.map(paths.name),
  defaults,
  layers: layers.map((layer) => ({
    ...printLayer(layer),
    storePaths: layer.storePaths.map(paths.name),
    holds: layer.holds,
  })),
})

/** A layer and its key as a JSON value. */
export const printLayer = ({ key, descriptor, diffID }: KeyedLayer): object => ({
  key,
  mediaType: descriptor.mediaType,
  digest: descriptor.digest,
  size: descriptor.size,
  diffID,
})

/** Reads the value that `printContents` made. Throws an `Error` that names what is malformed or inconsistent. */
export const parseContents = (value: unknown, what: string, paths: PathReader): Contents => {
  const fields = record(value, what)
  const closure = toClosure(
    paths.infos(fields['runtimeGraph'], `${what}.runtimeGraph`),
    paths.names(fields['roots'], `${what}.roots`),
  )
  const layers = list(layerWith(paths))(fields['layers'], `${what}.layers`)
  const partition = layers.map(({ storePaths }) => storePaths).filter(({ length }) => length > 0)
  checkPartition(partition, closure, partition.length)
  const packages = list(parsePackage)(fields['packages'], `${what}.packages`)
  const withoutFiles = paths.names(fields['withoutFiles'], `${what}.withoutFiles`)
  const named = packages.flatMap(({ outPath, outputs }) => [outPath, ...outputs.map(({ path }) => path)])
  const danglingLinks = list(danglingLink)(fields['danglingLinks'], `${what}.danglingLinks`)
  const owners = danglingLinks.map(({ owner }) => owner)
  const outside = [...named, ...withoutFiles, ...owners].find((path) => !closure.paths.has(path))
  if (outside !== undefined) throw new Error(`${what} names ${outside}, which its runtimeGraph lacks`)
  return {
    packages,
    withoutFiles,
    conflicts: list(parseConflict)(fields['conflicts'], `${what}.conflicts`),
    danglingLinks,
    hasShell: boolean(fields['hasShell'], `${what}.hasShell`),
    closure,
    defaults: parseDefaults(fields['defaults'], `${what}.defaults`),
    layers,
  }
}

/** Reads the value that `printLayer` made. Throws an `Error` that names what is malformed. */
export const parseLayer = (value: unknown, what: string): KeyedLayer => {
  const fields = record(value, what)
  return {
    key: parseKey(fields['key'], `${what}.key`),
    descriptor: descriptor(fields, what),
    diffID: parseDigest(fields['diffID'], `${what}.diffID`),
  }
}

/** Reads a request key or a layer key. Throws an `Error` if it is not 64 hex digits. */
export const parseKey = (value: unknown, what: string): string => {
  const key = string(value, what)
  if (!/^[0-9a-f]{64}$/.test(key)) throw new Error(`${what} should be 64 hex digits, but is ${JSON.stringify(key)}`)
  return key
}

const layerWith =
  ({ names }: PathReader) =>
  (value: unknown, what: string): Layer => {
    const fields = record(value, what)
    return {
      ...parseLayer(value, what),
      storePaths: names(fields['storePaths'], `${what}.storePaths`),
      holds: string(fields['holds'], `${what}.holds`),
    }
  }

const descriptor = (fields: Record<string, unknown>, what: string): Descriptor => {
  const mediaType = string(fields['mediaType'], `${what}.mediaType`)
  if (!isLayerMediaType(mediaType)) throw new Error(`${what}.mediaType is ${mediaType}, which is no layer's`)
  return {
    mediaType,
    digest: parseDigest(fields['digest'], `${what}.digest`),
    size: count(fields['size'], `${what}.size`),
  }
}

const storePath = (value: unknown, what: string): StorePath => parseStorePath(string(value, what), what)

const danglingLink = (value: unknown, what: string): DanglingLink => {
  const fields = record(value, what)
  return {
    path: string(fields['path'], `${what}.path`),
    owner: storePath(fields['owner'], `${what}.owner`),
    target: string(fields['target'], `${what}.target`),
  }
}

const parseDefaults = (value: unknown, what: string): DefaultConfiguration => {
  const fields = record(value, what)
  const env = record(fields['env'], `${what}.env`)
  return {
    env: Object.fromEntries(Object.entries(env).map(([name, text]) => [name, string(text, `${what}.env.${name}`)])),
    cmd: optional(list(string))(fields['cmd'], `${what}.cmd`),
  }
}
