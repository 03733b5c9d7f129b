/** The SHA-256 of a store path as a NAR, as lock files and `fetchTarball` write it. Source: W3C, "Subresource Integrity". */
export type NarHash = `sha256-${string}`

export const isNarHash = (text: string): text is NarHash => /^sha256-[A-Za-z0-9+/]{43}=$/.test(text)

const alphabet = '0123456789abcdfghijklmnpqrsvwxyz'

/**
 * Reads a SHA-256 hash as Nix writes it: `sha256-` and base 64, or `sha256:` and Nix's base 32, which older versions and
 * `nix-store` prefer. Throws an `Error` that names `what` if it is neither.
 */
export const parseNarHash = (text: string, what: string): NarHash => {
  if (isNarHash(text)) return text
  const [, digits] = /^sha256:([0-9abcdfghijklmnpqrsvwxyz]{52})$/.exec(text) ?? []
  if (!digits) throw new Error(`${what} should be a SHA-256 hash, but is ${JSON.stringify(text)}`)
  return `sha256-${fromBase32(digits).toString('base64')}`
}

/** 64 hex digits. */
export const narHashHex = (hash: NarHash): string => Buffer.from(hash.slice('sha256-'.length), 'base64').toString('hex')

/** Nix's base 32 starts with the last five bits. */
const fromBase32 = (digits: string): Buffer => {
  const bytes = Buffer.alloc(33)
  for (const [index, digit] of [...digits].reverse().entries()) {
    const bits = alphabet.indexOf(digit) << ((index * 5) % 8)
    const byte = (index * 5) >> 3
    bytes[byte] = (bytes[byte] ?? 0) | (bits & 0xff)
    bytes[byte + 1] = (bytes[byte + 1] ?? 0) | (bits >> 8)
  }
  return bytes.subarray(0, 32)
}
