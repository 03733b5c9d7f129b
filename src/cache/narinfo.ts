import { narHashBase32, parseNarHash } from '../nix/nar-hash.ts'
import type { PathInfo } from '../nix/path-info.ts'
import { isDerivation, parseStorePath, type StorePath, storePathDigest } from '../nix/store-path.ts'

/**
 * The entry of a path in a binary cache. `nar` is the file with its NAR, relative to the cache's folder, compressed
 * with zstd.
 */
export type Narinfo = PathInfo & { readonly nar: string }

const known = [
  ...['StorePath', 'URL', 'Compression', 'FileHash', 'FileSize', 'NarHash', 'NarSize'],
  ...['References', 'Deriver', 'Sig', 'CA'],
]

/**
 * Parses a narinfo file, and accepts only what this action's entries contain: no derivation, no file outside of the
 * folder, no line that another parser could read differently. Throws an `Error` that says what is wrong. Source: Nix,
 * `NarInfo`.
 */
export const parseNarinfo = (text: string, name: string): Narinfo => {
  const fields = new Map<string, string[]>()
  if (!text.endsWith('\n')) throw new Error(`${name} is cut off`)
  for (const line of text.slice(0, -1).split('\n')) {
    const [, key = '', value = ''] = /^([A-Za-z]+): ([\x20-\x7e]*)$/.exec(line) ?? []
    if (!known.includes(key)) throw new Error(`${name} has the line ${JSON.stringify(line.slice(0, 80))}`)
    fields.set(key, [...(fields.get(key) ?? []), value])
  }
  const field = (key: string): string => {
    const [value = '', ...more] = fields.get(key) ?? []
    if (more.length > 0) throw new Error(`${name} says twice what ${key} is`)
    return value
  }
  const words = (key: string): string[] =>
    field(key)
      .split(' ')
      .filter((word) => word !== '')
  const path = storePath(field('StorePath'), `StorePath in ${name}`)
  if (`${storePathDigest(path)}.narinfo` !== name) throw new Error(`${name} is about ${path}`)
  if (field('Compression') !== 'zstd') throw new Error(`${name} names another compression than zstd`)
  const nar = field('URL')
  if (!/^nar\/[0-9a-z]+\.nar\.zst$/.test(nar)) throw new Error(`${name} names the file ${JSON.stringify(nar)}`)
  const signatures = fields.get('Sig') ?? []
  for (const signature of signatures)
    if (!/^[^\s:]+:[A-Za-z0-9+/]+={0,2}$/.test(signature)) throw new Error(`${name} has a signature that is none`)
  return {
    path,
    nar,
    narHash: parseNarHash(field('NarHash'), `NarHash in ${name}`),
    narSize: size(field('NarSize'), `NarSize in ${name}`),
    references: words('References').map((word) => storePath(`/nix/store/${word}`, `a reference in ${name}`)),
    signatures,
    isContentAddressed: field('CA') !== '',
  }
}

const storePath = (text: string, what: string): StorePath => {
  const path = parseStorePath(text, what)
  if (isDerivation(path)) throw new Error(`${what} is ${path}, which Nix would build`)
  return path
}

const size = (text: string, what: string): number => {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new Error(`${what} should be a size, but is ${JSON.stringify(text)}`)
  return Number(text)
}

/**
 * The text of a narinfo file for a path whose NAR is in the file `nar`, uncompressed. Without a `contentAddress`, the
 * line `CA` is left out.
 */
export const printNarinfo = (info: PathInfo, nar: string, contentAddress: string | undefined): string =>
  [
    `StorePath: ${info.path}`,
    `URL: ${nar}`,
    'Compression: none',
    `NarHash: ${narHashBase32(info.narHash)}`,
    `NarSize: ${info.narSize}`,
    `References: ${info.references.map((path) => path.slice('/nix/store/'.length)).join(' ')}`,
    ...info.signatures.map((signature) => `Sig: ${signature}`),
    ...(contentAddress ? [`CA: ${contentAddress}`] : []),
    '',
  ].join('\n')
