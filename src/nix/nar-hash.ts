/**
 * The SHA-256 of a store path as a NAR, as lock files and `fetchTarball` write it. Source: W3C, "Subresource
 * Integrity".
 */
export type NarHash = `sha256-${string}`

export const isNarHash = (text: string): text is NarHash => /^sha256-[A-Za-z0-9+/]{43}=$/.test(text)

const alphabet = '0123456789abcdfghijklmnpqrsvwxyz'

/**
 * Reads a SHA-256 hash as Nix writes it: `sha256-` and base 64, or `sha256:` and Nix's base 32, which older versions
 * and `nix-store` prefer. Throws an `Error` that names `what` if it is neither.
 */
export const parseNarHash = (text: string, what: string): NarHash => {
  if (isNarHash(text)) return text
  const [, digits] = /^sha256:([0-9abcdfghijklmnpqrsvwxyz]{52})$/.exec(text) ?? []
  if (!digits) throw new Error(`${what} should be a SHA-256 hash, but is ${JSON.stringify(text)}`)
  return `sha256-${fromBase32(digits).toString('base64')}`
}

/** As 64 hex digits. */
export const narHashHex = (hash: NarHash): string => Buffer.from(hash.slice('sha256-'.length), 'base64').toString('hex')

/** As `sha256:` and 52 digits of Nix's base 32, the form in binary caches and signatures. */
export const narHashBase32 = (hash: NarHash): string =>
  `sha256:${toBase32(Buffer.from(hash.slice('sha256-'.length), 'base64'))}`

/** Bytes in Nix's base 32, which starts with the last five bits. Source: Nix, `printHash32`. */
export const toBase32 = (bytes: Uint8Array): string => {
  const digits = Array.from({ length: Math.ceil((bytes.length * 8) / 5) }, (_, index) => {
    const bit = index * 5
    const pair = (bytes[bit >> 3] ?? 0) | ((bytes[(bit >> 3) + 1] ?? 0) << 8)
    return alphabet[(pair >> (bit & 7)) & 31]
  })
  return digits.reverse().join('')
}

/** The bytes that 52 digits of Nix's base 32 stand for. */
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
