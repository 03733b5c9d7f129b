import { isAscii } from 'node:buffer'
import { fileNameBytes } from './file-name.ts'
import type { TreeEntry } from './tree.ts'

/** The fields of a header that differ between entries. Names and targets are bytes; `size` is that of the content. */
type Fields = {
  readonly name: Buffer
  readonly type: '0' | '2' | '5' | 'x'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly target: Buffer
}

/** The multiple of bytes that headers and contents have in an archive. */
const unit = 512

/**
 * The tar header of an entry, the same on every machine, in one or more units of 512 bytes. Owner and group are 0,
 * unless a directory belongs to a user; their names are empty. The time is the one that Nix gives every file, one
 * second after the epoch. Fields that do not fit come before it, in a pax header. A name or target that is not UTF-8 is
 * written as it is; in a pax header, `hdrcharset` says so. Sources: POSIX.1-2017 "pax", "ustar Interchange Format" and
 * "pax Extended Header".
 */
export const tarHeader = (entry: TreeEntry): Buffer => {
  const fields = fieldsOf(entry)
  const isText = entry.name.isWellFormed() && (entry.type !== 'symlink' || entry.target.isWellFormed())
  // POSIX knows only ASCII in these fields. Some programs read the rest by the locale, and a pax header as UTF-8.
  const isPlain = isAscii(fields.name) && isAscii(fields.target)
  const place = isText && !isPlain ? undefined : placeOf(fields.name)
  const large = (['uid', 'gid'] as const).filter((id) => fields[id] > mostInHeader)
  if (place && fields.target.length <= 100 && large.length === 0) return header(fields, place)

  const records = Buffer.concat([
    ...(isText ? [] : [record('hdrcharset', Buffer.from('BINARY'))]),
    record('path', fields.name),
    ...(entry.type === 'symlink' ? [record('linkpath', fields.target)] : []),
    ...large.map((id) => record(id, Buffer.from(`${fields[id]}`))),
  ])
  const stand = { ...fields, target: entry.type === 'symlink' ? standIn.name : nothing }
  return Buffer.concat([
    header({ ...stand, type: 'x', size: records.length }, standIn),
    records,
    padding(records.length),
    header(stand, standIn),
  ])
}

/** The zeros after content of this many bytes. */
export const padding = (size: number): Buffer => Buffer.alloc((unit - (size % unit)) % unit)

/** The end of an archive. */
export const end = Buffer.alloc(2 * unit)

const nothing = Buffer.alloc(0)

const fieldsOf = (entry: TreeEntry): Fields => {
  const fields = { uid: 0, gid: 0, size: 0, target: nothing }
  switch (entry.type) {
    case 'directory':
      return { ...fields, ...entry.owner, name: fileNameBytes(`${entry.name}/`), type: '5', mode: entry.mode }
    case 'symlink':
      return {
        ...fields,
        name: fileNameBytes(entry.name),
        type: '2',
        mode: 0o777,
        target: fileNameBytes(entry.target),
      }
    case 'file': {
      const size = entry.content instanceof Uint8Array ? entry.content.length : entry.content.size
      return { ...fields, name: fileNameBytes(entry.name), type: '0', mode: entry.mode, size }
    }
  }
}

/** A name in a header's own fields: at most 100 bytes, and at most 155 for the folders before it. */
type Place = { readonly prefix: Buffer; readonly name: Buffer }

/** What a pax header, and the header after it, have in the place of a name. */
const standIn: Place = { prefix: nothing, name: Buffer.from('PaxHeader') }

const placeOf = (name: Buffer): Place | undefined => {
  if (name.length <= 100) return { prefix: nothing, name }
  const slash = name.indexOf('/', name.length - 101)
  return slash < 0 || slash > 155 ? undefined : { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) }
}

/** The largest ID in the header's own fields, which have six octal digits. */
const mostInHeader = 0o777777

const header = ({ type, mode, uid, gid, size, target }: Fields, { prefix, name }: Place): Buffer => {
  const bytes = Buffer.alloc(unit)
  name.copy(bytes, 0)
  bytes.write(octal(mode, 6), 100)
  bytes.write(octal(Math.min(uid, mostInHeader), 6), 108)
  bytes.write(octal(Math.min(gid, mostInHeader), 6), 116)
  if (size < 8 ** 11) bytes.write(octal(size, 11), 124)
  else {
    // A number in binary, as GNU tar writes what does not fit.
    bytes[124] = 0x80
    bytes.writeBigUInt64BE(BigInt(size), 128)
  }
  bytes.write(octal(1, 11), 136)
  bytes.write(`        ${type}`, 148)
  target.copy(bytes, 157)
  bytes.write('ustar\u000000', 257)
  // The numbers of a device.
  bytes.write(octal(0, 6), 329)
  bytes.write(octal(0, 6), 337)
  prefix.copy(bytes, 345)
  bytes.write(octal(checksum(bytes), 6), 148)
  bytes[155] = 0
  return bytes
}

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')} `

const checksum = (bytes: Buffer): number => {
  let sum = 0
  for (const byte of bytes) sum += byte
  return sum
}

/** A length in decimal, a space, a name, `=`, a value and a newline. The length counts itself too. */
const record = (name: string, value: Buffer): Buffer => {
  const length = ` ${name}=`.length + value.length + 1
  const digits = `${length + `${length}`.length}`.length
  return Buffer.concat([Buffer.from(`${length + digits} ${name}=`), value, Buffer.from('\n')])
}
