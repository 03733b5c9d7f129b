import { fileName } from './file-name.ts'

/** Bytes of a header. The content after it is padded to a multiple of this. */
export const unit = 512

/**
 * The fields of a header. Names are as `fileName` returns them. `size` is the bytes of the content after it. The
 * content of an `extended` member is the names of the next member.
 */
export type Member = {
  readonly name: string
  readonly type: 'file' | 'directory' | 'symlink' | 'extended'
  readonly mode: number
  readonly target: string
  readonly size: number
}

/** Names that do not fit into the header of the member. They come before it. */
export type ExtendedNames = { readonly path?: string; readonly linkpath?: string }

const types: Readonly<Record<string, Member['type']>> = { 0: 'file', 2: 'symlink', 5: 'directory', x: 'extended' }
export const unlikeOurs = (name: string): Error =>
  new Error(`a layer has ${name}, which is not as this action writes it`)

/**
 * Whether there are zeros instead of a header. A header has the name of its format at byte 257; its name field may be
 * empty, if the whole name is in the prefix.
 */
export const isEnd = (bytes: Buffer, at: number): boolean => bytes[at + 257] === 0

/**
 * Reads a header as `tar` writes it. Throws an `Error` if the member is of any other type. Source: POSIX.1-2017 "pax",
 * "ustar Interchange Format" and "pax Extended Header".
 */
export const memberOf = (header: Buffer, { path, linkpath }: ExtendedNames): Member => {
  const type = types[header.toString('latin1', 156, 157)]
  const prefix = header[345] === 0 ? '' : `${text(header, 345, 155)}/`
  const name = (path ?? `${prefix}${text(header, 0, 100)}`).replace(/\/$/, '')
  if (!type) throw unlikeOurs(name)
  return {
    name,
    type,
    mode: Number.parseInt(header.toString('latin1', 100, 106), 8),
    target: linkpath ?? text(header, 157, 100),
    size: sizeOf(header),
  }
}

const text = (header: Buffer, start: number, length: number): string => {
  const end = header.indexOf(0, start)
  return fileName(header.subarray(start, end < 0 ? start + length : Math.min(end, start + length)))
}

/** The field has eleven octal digits. From 8 GiB on, it has a binary number in its last eight bytes. */
const sizeOf = (header: Buffer): number =>
  header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(header.toString('latin1', 124, 135), 8)

/**
 * Reads records: a length in decimal, a space, a name, `=`, a value and a newline. The value may contain any of these
 * characters. Throws an `Error` if a record has no length.
 */
export const extendedNames = (records: Buffer): ExtendedNames => {
  const names: Record<string, string> = {}
  for (let at = 0; at < records.length; ) {
    const space = records.indexOf(' ', at)
    const length = Number(records.toString('latin1', at, space))
    const record = fileName(records.subarray(space + 1, at + length - 1))
    if (!(length > 0)) throw new Error('a layer has an extended header that cannot be read')
    const equals = record.indexOf('=')
    names[record.slice(0, equals)] = record.slice(equals + 1)
    at += length
  }
  return names
}

/**
 * The members of an archive in memory, without their content. Throws an `Error` if the bytes are no archive, or if a
 * member is neither a file nor a directory nor a symlink.
 */
export function* membersOf(archive: Buffer): Generator<Member> {
  let names: ExtendedNames = {}
  for (let at = 0; at < archive.length && !isEnd(archive, at); ) {
    if (archive.toString('latin1', at + 257, at + 262) !== 'ustar')
      throw new Error(`an archive has no header at byte ${at}`)
    const member = memberOf(archive.subarray(at, at + unit), names)
    if (!(member.size >= 0)) throw unlikeOurs(member.name)
    const content = at + unit
    at = content + Math.ceil(member.size / unit) * unit
    if (member.type === 'extended') names = extendedNames(archive.subarray(content, content + member.size))
    else {
      names = {}
      yield member
    }
  }
}
