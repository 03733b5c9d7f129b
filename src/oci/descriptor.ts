import { createHash } from 'node:crypto'

/** The hash of a blob. Source: OCI image specification, "Digests". */
export type Digest = `sha256:${string}`

/**
 * A reference to a blob by its content; `size` is in bytes. Source: OCI image specification, "OCI Content Descriptors",
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md
 */
export type Descriptor = {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
}

/** A JSON document as the bytes that are hashed, stored and sent, so that these cannot differ. */
export type Document = { readonly descriptor: Descriptor; readonly bytes: Uint8Array }

export const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Throws an `Error` that names `what` if the value is not a digest. */
export const parseDigest = (value: unknown, what: string): Digest => {
  if (typeof value === 'string' && isDigest(value)) return value
  throw new Error(`${what} should be a SHA-256 digest, but is ${JSON.stringify(value)}`)
}

const isDigest = (text: string): text is Digest => /^sha256:[0-9a-f]{64}$/.test(text)

export const documentOf = (mediaType: string, json: string): Document => {
  const bytes = Buffer.from(json)
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
}

export const jsonDocument = (mediaType: string, value: unknown): Document =>
  documentOf(mediaType, JSON.stringify(value))
