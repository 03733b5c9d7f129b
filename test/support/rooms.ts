/**
 * The rooms that each room may import. A room is a folder of `src/`, or a file beside the folders. Each room names only
 * rooms above it in this table, so that data goes one way. docs/architecture.md has a drawing of the table, which `npm
 * run document` writes.
 */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  oci: ['lib'],
  nix: ['lib'],
  registry: ['lib', 'oci'],
  cache: ['lib', 'nix', 'oci'],
  graph: ['lib', 'nix'],
  layers: ['graph', 'nix'],
  archive: ['graph', 'lib', 'nix', 'oci'],
  image: ['graph', 'nix', 'oci'],
  rootfs: ['archive', 'graph', 'image', 'lib', 'nix', 'oci'],
  publish: ['archive', 'image', 'lib', 'oci', 'registry'],
  inputs: ['archive', 'cache', 'graph', 'image', 'lib', 'nix', 'oci', 'registry'],
  plan: ['archive', 'cache', 'graph', 'image', 'inputs', 'nix', 'oci', 'publish', 'rootfs'],
  reuse: ['cache', 'graph', 'image', 'layers', 'lib', 'nix', 'oci', 'plan', 'publish'],
  build: ['archive', 'graph', 'image', 'layers', 'lib', 'nix', 'oci', 'plan', 'rootfs'],
  report: ['graph', 'image', 'lib', 'nix', 'oci', 'publish'],
  run: ['build', 'cache', 'inputs', 'lib', 'nix', 'oci', 'plan', 'publish', 'report', 'reuse'],
  main: ['cache', 'inputs', 'lib', 'nix', 'report', 'run'],
}

/** The rooms by floor: a room is one floor above the highest room that it imports. */
export const floorsOf = (table: typeof rooms): string[][] => {
  const floorOf = (room: string): number => Math.max(-1, ...(table[room] ?? []).map(floorOf)) + 1
  const names = Object.keys(table)
  return Array.from({ length: Math.max(...names.map(floorOf)) + 1 }, (_, floor) =>
    names.filter((room) => floorOf(room) === floor),
  )
}

/** The table in Markdown, for readers: one room per row, the highest floor first, with the rooms that it imports. */
export const drawRooms = (table: typeof rooms): string => {
  const floors = floorsOf(table)
  const rows = floors.flatMap((floor, number) =>
    floor.map((room) => `| ${number} | ${room} | ${(table[room] ?? []).toSorted().join(', ')} |`),
  )
  const arrows = Object.values(table).reduce((total, others) => total + others.length, 0)
  const count = `${Object.keys(table).length} rooms on ${floors.length} floors, ${arrows} arrows, each of which leads down:`
  return `${count}\n\n| floor | room | imports |\n|---|---|---|\n${rows.toReversed().join('\n')}\n`
}
