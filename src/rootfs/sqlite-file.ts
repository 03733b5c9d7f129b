/**
 * A file of SQLite, written from its rows at once. SQLite itself would give other bytes in other versions. Source:
 * https://www.sqlite.org/fileformat2.html
 */

/** Integers have at most 48 bits. */
type Value = null | number | string

/** A table, with the statement that makes it. The ID of a row is its place, from 1 on. */
export type Table = { readonly name: string; readonly sql: string; readonly rows: readonly (readonly Value[])[] }

/**
 * An index of a table by some of its columns, which are given by their place from 0 on. An index without a statement is
 * one that SQLite makes for a primary key or a unique column.
 */
export type Index = {
  readonly name: string
  readonly sql: string | null
  readonly table: Table
  readonly columns: readonly number[]
}

/** A trigger, or another object without rows. */
export type Trigger = { readonly name: string; readonly table: string; readonly sql: string }

/** In bytes. */
const pageSize = 4096
const headerSize = 100

/**
 * The bytes of a database with these tables, indexes and triggers. Throws an `Error` if the statements do not fit into
 * one page, or if a row has more than 1000 bytes.
 */
export const sqliteFile = (
  tables: readonly Table[],
  indexes: readonly Index[],
  triggers: readonly Trigger[],
): Uint8Array => {
  // The first page is written last, since it has the numbers of the others.
  const pages: Buffer[] = [Buffer.alloc(0)]
  const add = (page: Buffer): number => pages.push(page)
  const schema = [
    ...tables.map(({ name, sql, rows }) => ['table', name, name, tree(tableTree(rows), add), sql]),
    ...indexes.map((index) => ['index', index.name, index.table.name, tree(indexTree(index), add), index.sql]),
    ...triggers.map(({ name, table, sql }) => ['trigger', name, table, 0, sql]),
  ]
  const { leaves } = tableTree(schema)
  pages[0] = page(tableKinds.leaf, leaves.flat(), undefined, headerSize)
  fileHeader(pages.length).copy(pages[0])
  return Buffer.concat(pages)
}

const fileHeader = (pages: number): Buffer => {
  const header = Buffer.alloc(headerSize)
  header.write('SQLite format 3\0')
  header.writeUInt16BE(pageSize, 16)
  // The journal mode, and fractions of a page that never change.
  header.set([1, 1, 0, 64, 32, 32], 18)
  // The number of changes, which is also the one that the number of pages is from.
  header.writeUInt32BE(1, 24)
  header.writeUInt32BE(pages, 28)
  header.writeUInt32BE(1, 40)
  header.writeUInt32BE(4, 44)
  // UTF-8.
  header.writeUInt32BE(1, 56)
  header.writeUInt32BE(1, 92)
  header.writeUInt32BE(3_040_000, 96)
  return header
}

type Kinds = { readonly leaf: number; readonly interior: number }
const tableKinds: Kinds = { leaf: 13, interior: 5 }
const indexKinds: Kinds = { leaf: 10, interior: 2 }

/** The cells of each leaf, and what a page above has between each two of them, without the number of the left one. */
type Leaves = { readonly kinds: Kinds; readonly leaves: readonly Buffer[][]; readonly between: readonly Buffer[] }

const tableTree = (rows: readonly (readonly Value[])[]): Leaves => {
  const cells = rows.map((row, index) => {
    const payload = record(row)
    return Buffer.concat([varint(payload.length), varint(index + 1), payload])
  })
  const parts = split(cells.length, perPage(cells))
  return {
    kinds: tableKinds,
    leaves: parts.map(([start, end]) => cells.slice(start, end)),
    between: parts.slice(0, -1).map(([, end]) => varint(end)),
  }
}

/** Between two leaves is an entry that is in neither of them. */
const indexTree = ({ table, columns }: Index): Leaves => {
  const keys = table.rows.map((row, index) => [...columns.map((column) => row[column] ?? null), index + 1])
  const cells = keys.sort(compareKeys).map((key) => {
    const payload = record(key)
    return Buffer.concat([varint(payload.length), payload])
  })
  const parts = split(cells.length + 1, perPage(cells))
  return {
    kinds: indexKinds,
    leaves: parts.map(([start, end]) => cells.slice(start, end - 1)),
    between: parts.slice(0, -1).map(([, end]) => cells[end - 1] ?? Buffer.alloc(0)),
  }
}

/** Text is compared by its bytes, which for ASCII are its code units. */
const compareKeys = (a: readonly Value[], b: readonly Value[]): number => {
  const at = a.findIndex((value, index) => value !== b[index])
  const [left, right] = [a[at] ?? 0, b[at] ?? 0]
  return left < right ? -1 : left > right ? 1 : 0
}

/** The number of cells of a page, by the largest of them. */
const perPage = (cells: readonly Buffer[]): number => {
  const largest = cells.reduce((most, { length }) => Math.max(most, length), 0)
  // A page has a header of 12 bytes, and for each cell its place and the number of a page.
  return Math.floor((pageSize - 12) / (largest + 6))
}

/** Cuts a list of this length into even parts of at most `most` items. An empty list is one empty part. */
const split = (length: number, most: number): [start: number, end: number][] => {
  const parts = Math.max(1, Math.ceil(length / most))
  const place = (index: number): number => Math.floor((index * length) / parts)
  return Array.from({ length: parts }, (_, index) => [place(index), place(index + 1)])
}

/** Adds the pages of a tree, and returns the number of its root. */
const tree = ({ kinds, leaves, between }: Leaves, add: (page: Buffer) => number): number => {
  let children = leaves.map((cells) => add(page(kinds.leaf, cells)))
  let keys = between
  while (children.length > 1) {
    const parts = split(children.length, perPage(keys))
    const parents = parts.map(([start, end]) => {
      const cells = keys
        .slice(start, end - 1)
        .map((key, index) => Buffer.concat([uint32(children[start + index]), key]))
      return add(page(kinds.interior, cells, children[end - 1]))
    })
    keys = parts.slice(0, -1).map(([, end]) => keys[end - 1] ?? Buffer.alloc(0))
    children = parents
  }
  return children[0] ?? 0
}

/** A page with cells, which lie at its end. `right` is the page after the last cell. The header is at `start`. */
const page = (kind: number, cells: readonly Buffer[], right?: number, start = 0): Buffer => {
  const bytes = Buffer.alloc(pageSize)
  const first = start + (right === undefined ? 8 : 12)
  let at = pageSize
  for (const [index, cell] of cells.entries()) {
    at -= cell.length
    if (cell.length > 1000 || at < first + 2 * cells.length) throw new Error('a row does not fit into a database page')
    cell.copy(bytes, at)
    bytes.writeUInt16BE(at, first + 2 * index)
  }
  bytes[start] = kind
  bytes.writeUInt16BE(cells.length, start + 3)
  bytes.writeUInt16BE(at, start + 5)
  if (right !== undefined) bytes.writeUInt32BE(right, start + 8)
  return bytes
}

const uint32 = (value = 0): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Values with their types before them. */
const record = (values: readonly Value[]): Buffer => {
  const types = Buffer.concat(values.map((value) => varint(typeOf(value))))
  return Buffer.concat([varint(types.length + 1), types, ...values.map(bytesOf)])
}

/** The types of integers by their bytes. */
const integers = [1, 2, 3, 4, 6]

const bytesFor = (value: number): number => integers.find((bytes) => Math.abs(value) < 2 ** (8 * bytes - 1)) ?? 6

const typeOf = (value: Value): number => {
  if (value === null) return 0
  return typeof value === 'string' ? 13 + 2 * Buffer.byteLength(value) : integers.indexOf(bytesFor(value)) + 1
}

const bytesOf = (value: Value): Buffer => {
  if (value === null) return Buffer.alloc(0)
  if (typeof value === 'string') return Buffer.from(value)
  const bytes = Buffer.alloc(bytesFor(value))
  bytes.writeIntBE(value, 0, bytes.length)
  return bytes
}

/** A number in parts of seven bits, the highest first. All but the last have the eighth bit. */
const varint = (value: number): Buffer => {
  const bytes = [value & 0x7f]
  for (let rest = Math.floor(value / 0x80); rest > 0; rest = Math.floor(rest / 0x80))
    bytes.unshift((rest & 0x7f) | 0x80)
  return Buffer.from(bytes)
}
