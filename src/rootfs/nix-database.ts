import type { TreeEntry } from '../archive/tree.ts'
import type { Closure, ClosurePath } from '../graph/closure.ts'
import { narHashHex } from '../nix/nar-hash.ts'
import { type Index, sqliteFile, type Table } from './sqlite-file.ts'

/** The version of the tables below. Nix 1.11 and newer have it. Source: Nix, `nixSchemaVersion` in `local-store.hh`. */
const schemaVersion = 10

/** As Nix has them in `schema.sql`, since it reads and writes them. */
const statements = {
  validPaths: `CREATE TABLE ValidPaths (id integer primary key autoincrement not null, path text unique not null,
    hash text not null, registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text)`,
  sequence: 'CREATE TABLE sqlite_sequence(name,seq)',
  refs: `CREATE TABLE Refs (referrer integer not null, reference integer not null, primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict)`,
  outputs: `CREATE TABLE DerivationOutputs (drv integer not null, id text not null, path text not null,
    primary key (drv, id), foreign key (drv) references ValidPaths(id) on delete cascade)`,
  referrerIndex: 'CREATE INDEX IndexReferrer on Refs(referrer)',
  referenceIndex: 'CREATE INDEX IndexReference on Refs(reference)',
  outputsIndex: 'CREATE INDEX IndexDerivationOutputs on DerivationOutputs(path)',
  selfRefs: `CREATE TRIGGER DeleteSelfRefs before delete on ValidPaths
    begin delete from Refs where referrer = old.id and reference = old.id; end`,
} as const

/**
 * The database by which a Nix in the image knows the store paths of the image, and the links that keep its roots from
 * being collected as garbage. A path's reference to itself is not in it, nor is the path's signature.
 */
export const nixDatabase = ({ paths, roots }: Closure): TreeEntry[] => {
  const text = (name: string, content: Uint8Array): TreeEntry => ({ type: 'file', name, mode: 0o644, content })
  return [
    text('nix/var/nix/db/db.sqlite', sqliteOf([...paths.values()])),
    text('nix/var/nix/db/schema', Buffer.from(`${schemaVersion}`)),
    ...roots.map((path): TreeEntry => {
      const name = `nix/var/nix/gcroots/nix-image-action/${path.slice('/nix/store/'.length)}`
      return { type: 'symlink', name, target: path }
    }),
  ]
}

const sqliteOf = (paths: readonly ClosurePath[]): Uint8Array => {
  const ids = new Map(paths.map(({ path }, index) => [path, index + 1]))
  const validPaths: Table = {
    name: 'ValidPaths',
    sql: statements.validPaths,
    // The time of registration is the one of the files.
    rows: paths.map(({ path, narHash, narSize }) => [
      ...[null, path, `sha256:${narHashHex(narHash)}`, 1],
      ...[null, narSize, null, null, null],
    ]),
  }
  const sequence: Table = { name: 'sqlite_sequence', sql: statements.sequence, rows: [['ValidPaths', paths.length]] }
  const refs: Table = {
    name: 'Refs',
    sql: statements.refs,
    rows: paths.flatMap(({ path, references }) =>
      references.map((reference) => [ids.get(path) ?? null, ids.get(reference) ?? null]),
    ),
  }
  const outputs: Table = { name: 'DerivationOutputs', sql: statements.outputs, rows: [] }
  const own = (table: Table, columns: readonly number[]): Index => ({
    name: `sqlite_autoindex_${table.name}_1`,
    sql: null,
    table,
    columns,
  })
  const indexes = [
    own(validPaths, [1]),
    own(refs, [0, 1]),
    { name: 'IndexReferrer', sql: statements.referrerIndex, table: refs, columns: [0] },
    { name: 'IndexReference', sql: statements.referenceIndex, table: refs, columns: [1] },
    own(outputs, [0, 1]),
    { name: 'IndexDerivationOutputs', sql: statements.outputsIndex, table: outputs, columns: [2] },
  ]
  const trigger = { name: 'DeleteSelfRefs', table: validPaths.name, sql: statements.selfRefs }
  return sqliteFile([validPaths, sequence, refs, outputs], indexes, [trigger])
}
