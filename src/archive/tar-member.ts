/** Bytes of a header; what is behind it fills as many, or a multiple. */
export const unit = 512

/** What a header says of what comes behind it, which is `size` bytes; `extended` is names of the next one. */
export type Member = {
  readonly name: string
  readonly type: 'file' | 'directory' | 'symlink' | 'extended'
  readonly mode: number
  readonly target: string
  readonly size: number
}

/** Names that do not fit into a header, which come before it. */
export type ExtendedNames = { readonly path?: string; readonly linkpath?: string }

const types: Readonly<Record<string, Member['type']>> = { 0: 'file', 2: 'symlink', 5: 'directory', x: 'extended' }
export const unlikeOurs = (name: string): Error =>
  new Error(`a layer has ${name}, which is not as this action writes it`)

/** Whether there are zeros instead of a header, which has its format's name here. A name may be in the prefix alone. */
export const isEnd = (bytes: Buffer, at: number): boolean => bytes[at + 257] === 0

/**
 * Reads a header as `tar` writes it. Throws an `Error` if it is of another kind. Source: POSIX.1-2017 "pax", "ustar
 * Interchange Format" and "pax Extended Header".
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
  return header.toString('utf8', start, end < 0 ? start + length : Math.min(end, start + length))
}

/** Eleven octal digits, or of 8 GiB and more a number of eight bytes at the field's end. */
const sizeOf = (header: Buffer): number =>
  header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(header.toString('latin1', 124, 135), 8)

/** Records of a length in decimal, a space, a name, `=`, a value and a newline; any of these may be in the value. */
export const extendedNames = (records: Buffer): ExtendedNames => {
  const names: Record<string, string> = {}
  for (let at = 0; at < records.length; ) {
    const space = records.indexOf(' ', at)
    const length = Number(records.toString('latin1', at, space))
    const record = records.toString('utf8', space + 1, at + length - 1)
    if (!(length > 0)) throw new Error('a layer has an extended header that cannot be read')
    const equals = record.indexOf('=')
    names[record.slice(0, equals)] = record.slice(equals + 1)
    at += length
  }
  return names
}
