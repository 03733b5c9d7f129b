import { createHash, type Hash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs'
import { UserError } from '../lib/error.ts'
import type { NarHash } from './nar-hash.ts'

/**
 * The hash that a file or folder has in the store, without Nix. Files for which `isLeftOut` is true are not part of it;
 * it is called with whole paths. Throws a `UserError` that names a file which cannot be read or is neither file, folder
 * nor link. Source: the Nix manual, "Nix Archive (NAR) format".
 */
export const hashNar = (path: string, isLeftOut: (path: string) => boolean = () => false): NarHash => {
  const hash = createHash('sha256')
  writeString(hash, 'nix-archive-1')
  writeNode(hash, Buffer.from(path), isLeftOut)
  return `sha256-${hash.digest('base64')}`
}

/** The hash of a store path that is one file with this content and cannot be executed. */
export const narOfFile = (content: Uint8Array): NarHash => {
  const hash = createHash('sha256')
  for (const text of ['nix-archive-1', '(', 'type', 'regular', 'contents', content, ')']) writeString(hash, text)
  return `sha256-${hash.digest('base64')}`
}

const writeNode = (hash: Hash, path: Buffer, isLeftOut: (path: string) => boolean): void => {
  const stats = reading(path, () => lstatSync(path))
  const strings = (...texts: string[]): void => {
    for (const text of texts) writeString(hash, text)
  }
  strings('(', 'type')
  if (stats.isSymbolicLink()) {
    strings('symlink', 'target')
    writeString(hash, readlinkSync(path, { encoding: 'buffer' }))
  } else if (stats.isFile()) {
    strings('regular', ...((stats.mode & 0o100) !== 0 ? ['executable', ''] : []), 'contents')
    reading(path, () => writeFile(hash, path, stats))
  } else if (stats.isDirectory()) {
    strings('directory')
    const names = reading(path, () => readdirSync(path, { encoding: 'buffer' })).sort(Buffer.compare)
    for (const name of names) {
      const child = Buffer.concat([path, slash, name])
      if (isLeftOut(child.toString())) continue
      strings('entry', '(', 'name')
      writeString(hash, name)
      strings('node')
      writeNode(hash, child, isLeftOut)
      strings(')')
    }
  } else throw new UserError(`${path} is neither a file, a folder nor a link; remove it.`)
  strings(')')
}

const slash = Buffer.from('/')

const writeString = (hash: Hash, text: string | Uint8Array): void => {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  hash.update(sizeOf(bytes.length)).update(bytes).update(padding(bytes.length))
}

const sizeOf = (size: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(size))
  return bytes
}

const padding = (size: number): Buffer => Buffer.alloc((8 - (size % 8)) % 8)

const chunk = Buffer.allocUnsafe(1024 * 1024)

const writeFile = (hash: Hash, path: Buffer, { size }: Stats): void => {
  hash.update(sizeOf(size))
  const file = openSync(path, 'r')
  try {
    let remaining = size
    while (remaining > 0) {
      const read = readSync(file, chunk, 0, Math.min(chunk.length, remaining), null)
      if (read === 0) throw new UserError(`${path} became smaller while it was read; run again.`)
      hash.update(chunk.subarray(0, read))
      remaining -= read
    }
  } finally {
    closeSync(file)
  }
  hash.update(padding(size))
}

const reading = <T>(path: Buffer, read: () => T): T => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    const reason = cause instanceof Error && 'code' in cause ? cause.code : cause
    throw new UserError(`${path} cannot be read (${reason}); make it readable for this user.`, { cause })
  }
}
