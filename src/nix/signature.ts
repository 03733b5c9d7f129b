import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { narHashBase32 } from './nar-hash.ts'
import type { PathInfo } from './path-info.ts'

/** Keys by their names. If two have the same name, Nix takes the first. */
export type PublicKeys = ReadonlyMap<string, KeyObject>

const keyLength = 32
const signatureLength = 64

/** Reads keys in the form of `trusted-public-keys`. Throws an `Error` that quotes a text which is no key. */
export const parsePublicKeys = (texts: readonly string[]): PublicKeys => {
  const keys = new Map<string, KeyObject>()
  for (const text of texts) {
    const { name, bytes } = named(text)
    if (!name || bytes.length !== keyLength) throw new Error(`${JSON.stringify(text)} is no public key of Nix`)
    if (!keys.has(name)) keys.set(name, publicKey(bytes))
  }
  return keys
}

/**
 * Whether one of the signatures is valid and made with one of the keys. A signature covers path, content, size and
 * references, and nothing else. Source: Nix, `ValidPathInfo::fingerprint`; Ed25519 is RFC 8032.
 */
export const isSigned = (info: PathInfo, keys: PublicKeys): boolean => {
  const text = Buffer.from(fingerprint(info))
  return info.signatures.some((signature) => {
    const { name, bytes } = named(signature)
    const key = keys.get(name)
    return key !== undefined && bytes.length === signatureLength && verify(null, text, key, bytes)
  })
}

/** The name of the key that a signature claims to be made with. */
export const signerOf = (signature: string): string => named(signature).name

const fingerprint = ({ path, narHash, narSize, references }: PathInfo): string =>
  ['1', path, narHashBase32(narHash), narSize, [...references].sort().join(',')].join(';')

const named = (text: string): { readonly name: string; readonly bytes: Buffer } => {
  const colon = text.indexOf(':')
  return { name: text.slice(0, Math.max(colon, 0)), bytes: Buffer.from(text.slice(colon + 1), 'base64') }
}

/** Source: RFC 8037, keys of Ed25519 as JWK. */
const publicKey = (bytes: Buffer): KeyObject =>
  createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') } })
