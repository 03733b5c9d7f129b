import { globSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './support/action.ts'
import { type Module, modules } from './support/modules.ts'
import { drawRooms, floorsOf, rooms } from './support/rooms.ts'

/**
 * The modules that may use the outside: files, programs, the network, the environment, and packages. `room/*` is every
 * module of a room.
 */
const owners: Readonly<Record<string, readonly string[]>> = {
  '@actions/cache': ['cache/cache-process'],
  '@actions/core': ['lib/log', 'main'],
  '@actions/exec': ['lib/command'],
  '@cyclonedx/cyclonedx-library': ['report/sbom', 'report/spdx-expression'],
  'spdx-license-ids': ['report/*'],
  'node:async_hooks': ['lib/command'],
  'node:child_process': ['lib/command'],
  'node:crypto': [
    'archive/digest',
    'archive/hash-worker',
    'cache/*',
    'layers/layer-key',
    'nix/*',
    'oci/descriptor',
    'reuse/*',
  ],
  'node:fs': [
    'archive/*',
    'build/*',
    'cache/*',
    'inputs/context',
    'lib/*',
    'main',
    'nix/*',
    'publish/*',
    'registry/credentials',
    'registry/http',
    'reuse/record-cache',
    'rootfs/*',
  ],
  'node:diagnostics_channel': ['lib/command'],
  'node:dns': ['registry/outside-lookup'],
  'node:os': ['archive/compress', 'archive/deflate', 'main', 'nix/guard-programs'],
  'node:worker_threads': ['archive/*'],
  'node:zlib': ['archive/compress', 'archive/deflate-worker', 'cache/import-paths'],
  'fetch(': ['nix/download'],
  'node:http': ['registry/http'],
  'node:https': ['registry/http'],
  'node:net': ['lib/private-address', 'nix/staging', 'registry/http', 'registry/outside-lookup'],
  'process.env': ['main'],
  'process.exit': ['main'],
  'process.once': ['main'],
  'import.meta.filename': ['main'],
  // The locale, the clock and chance must not have an effect on an image.
  '.localeCompare': [],
  '.toLocaleString': [],
  // A server may name a date at which to come back.
  'Date.now': ['lib/clock'],
  'Math.random': ['lib/clock'],
  'console.log': [],
}

/** Parts of Node that only compute. */
const harmless = [
  'node:buffer',
  'node:events',
  'node:net',
  'node:path',
  'node:readline',
  'node:stream',
  'node:timers',
  'node:url',
  'node:util',
]

/** A file beside the folders is a room of its own. */
const roomOf = (name: string): string => (name.includes('/') ? name.slice(0, name.indexOf('/')) : name)
const isOurs = (name: string): boolean => roomOf(name) in rooms
const packageOf = (name: string): string => /^(@[^/]+\/)?[^/]+/.exec(isOurs(name) ? '' : name)?.[0] ?? name

/** The imports between rooms, as `from to`, of values and of types alike. */
const arrows = [
  ...new Set(
    modules.flatMap(({ name, values, types }) =>
      [...values, ...types]
        .filter((imported) => isOurs(imported) && roomOf(imported) !== roomOf(name))
        .map((imported) => `${roomOf(name)} ${roomOf(imported)}`),
    ),
  ),
]

describe('imports between rooms', () => {
  test('are those of the table, which has none that is not used', () => {
    const allowed = Object.entries(rooms).flatMap(([room, others]) => others.map((other) => `${room} ${other}`))
    expect(arrows.toSorted()).toEqual(allowed.toSorted())
    expect(Object.keys(rooms).toSorted()).toEqual([...new Set(modules.map(({ name }) => roomOf(name)))].toSorted())
  })

  test('go one way: a room imports rooms above it in the table', () => {
    const order = Object.keys(rooms)
    for (const [index, room] of order.entries())
      for (const other of rooms[room] ?? []) expect(order.slice(0, index), `${room} imports ${other}`).toContain(other)
  })

  test('are at most 90, on the nine floors that docs/architecture.md draws', async () => {
    expect(arrows.length).toBeLessThanOrEqual(90)
    expect(floorsOf(rooms)).toHaveLength(9)
    expect(await readFile(join(root, 'docs', 'architecture.md'), 'utf8')).toContain(drawRooms(rooms))
  })
})

describe('what is outside', () => {
  test.each(Object.entries(owners))('%s is used by its owners only', (what, expected) => {
    const users = modules.filter(
      ({ values, types, uses }) => [...values, ...types].some((name) => packageOf(name) === what) || uses.has(what),
    )
    const named = ({ name }: Module): string => (expected.includes(name) ? name : `${roomOf(name)}/*`)
    expect([...new Set(users.map(named))]).toEqual(expected)
  })

  test('has an owner, or does no harm', () => {
    const imported = modules.flatMap(({ values, types }) => [...values, ...types]).filter((name) => !isOurs(name))
    expect(
      [...new Set(imported.map(packageOf))].filter((name) => !(name in owners) && !harmless.includes(name)),
    ).toEqual([])
  })

  test('is not reached by what only computes, through whatever it imports', () => {
    const effects = [
      '@actions/core',
      '@actions/exec',
      'tar-stream',
      'node:child_process',
      'node:fs',
      'fetch(',
      'process.env',
    ]
    const byName = new Map(modules.map((module) => [module.name, module]))
    const reached = modules
      .map(({ name }) => name)
      .filter((name) =>
        /^(graph\/|image\/|inputs\/(?!context|read-popularity)|layers\/|oci\/|plan|report\/(?!log-contents))/.test(
          name,
        ),
      )
    const seen = new Set(reached)
    for (const name of seen) for (const value of byName.get(name)?.values ?? []) seen.add(value)
    expect(seen.size).toBeGreaterThan(20)
    const outside = [...seen].flatMap((name) => [packageOf(name), ...(byName.get(name)?.uses ?? [])])
    expect(outside.filter((what) => effects.includes(what))).toEqual([])
  })
})

describe('files', () => {
  test('are short: none over 250 lines, half of them up to 80', () => {
    expect(modules.filter(({ lines }) => lines > 250).map(({ name }) => name)).toEqual([])
    expect(modules.filter(({ lines }) => lines <= 80).length).toBeGreaterThan(modules.length / 2)
  })

  test('are named for what they are', () => {
    const names = modules.map(({ name }) => name)
    expect(names.filter((name) => /(^|\/)(utils?|helpers?|common|types|constants|index)$/.test(name))).toEqual([])
    for (const name of names) expect(name).toMatch(/^([a-z]+\/)?[a-z]+(-[a-z]+)*$/)
  })

  test('have comments that keep to 120 columns, as code does', () => {
    const files = globSync('{src,test,bench,scripts}/**/*.ts', { cwd: root })
    expect(files.length).toBeGreaterThan(300)
    const long = files.flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, index) => (line.length > 120 && /^\s*(\/\/|\/?\*)/.test(line) ? `${file}:${index + 1}` : [])),
    )
    expect(long).toEqual([])
  })
})
