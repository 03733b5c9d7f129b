import type { SigningKey } from '../nix/signing-key.ts'
import type { Problem } from './problem.ts'

/**
 * The length of an Ed25519 secret key in bytes; its last half is the public key. Source: libsodium,
 * `crypto_sign_ed25519`.
 */
const secretLength = 64
const publicLength = 32

/** The input `cache-signing-key`, which may be empty. A problem does not quote the value. */
export const parseSigningKey = (text: string, problem: Problem): SigningKey | undefined => {
  if (!text) return undefined
  const [, name = '', base64 = ''] = /^([^\s:]+):([A-Za-z0-9+/]+={0,2})$/.exec(text.trim()) ?? []
  const bytes = Buffer.from(base64, 'base64')
  const make = '`nix-store --generate-binary-cache-key NAME secret.key public.key` makes one'
  if (bytes.length === publicLength)
    problem(`\`cache-signing-key\` is a public key; give the secret key that belongs to it (${make}).`)
  else if (bytes.length !== secretLength)
    problem(`\`cache-signing-key\` is no secret key of Nix; write \`NAME:\` and 64 bytes in base 64 (${make}).`)
  else
    return {
      secretKey: `${name}:${base64}`,
      publicKey: `${name}:${bytes.subarray(secretLength - publicLength).toString('base64')}`,
    }
  return undefined
}
