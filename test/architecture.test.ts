import { describe, expect, test } from 'vitest'
import { type Module, modules } from './support/modules.ts'

/** What a module may import; `values` as it likes, of `types` nothing that is there when it runs. */
type Rule = { readonly values?: readonly string[]; readonly types?: readonly string[] }

/**
 * Who may import whom, in the order of the data: each row names rows above it only. `folder/*` is every module there that
 * has no row of its own.
 */
const rules: Readonly<Record<string, Rule>> = {
  // Vocabulary, for everybody.
  'lib/*': {},
  error: { values: ['lib/*'] },
  'lib/github-server': { values: ['error'] },
  check: {},
  concurrent: {},
  command: { values: ['error', 'lib/*'] },
  exists: {},
  loopback: {},
  timings: {},
  units: {},
  'registry/private-address': {},
  log: { values: ['lib/*'] },
  'nix/store-path': {},
  'nix/changed-in-store': { values: ['error'] },
  'nix/nar-hash': {},
  'oci/*': { values: ['check', 'oci/*'] },

  context: { values: ['check', 'error', 'lib/github-server', 'oci/*'] },
  'inputs/*': { values: ['inputs/*', 'lib/*', 'loopback', 'nix/nar-hash', 'oci/*'], types: ['context'] },
  inputs: { values: ['check', 'error', 'inputs/*', 'oci/*'], types: ['context'] },
  'job-container': {},
  plan: { values: ['job-container', 'oci/*'], types: ['context', 'inputs', 'inputs/*'] },
  'nix/*': {
    values: [
      'check',
      'command',
      'error',
      'exists',
      'lib/*',
      'loopback',
      'nix/*',
      'nix/changed-in-store',
      'nix/nar-hash',
      'nix/store-path',
      'registry/private-address',
    ],
    types: ['inputs', 'inputs/*', 'log', 'plan'],
  },
  'graph/*': { values: ['check', 'nix/nar-hash', 'nix/store-path'], types: ['graph/*'] },
  contents: { types: ['graph/*', 'nix/*', 'nix/store-path', 'oci/*'] },
  'read-popularity': { values: ['error', 'graph/*', 'lib/*'], types: ['plan'] },
  'layers/*': { values: ['graph/*', 'nix/store-path'], types: ['layers/*'] },
  loader: { values: ['error', 'job-container'], types: ['nix/*', 'oci/*'] },
  'reuse/*': { values: ['check', 'nix/nar-hash', 'nix/store-path'], types: ['graph/*', 'nix/*'] },
  'cache/*': {
    values: [
      'cache/*',
      'check',
      'command',
      'concurrent',
      'error',
      'graph/*',
      'layers/*',
      'lib/*',
      'nix/*',
      'nix/nar-hash',
      'nix/store-path',
      'oci/*',
      'reuse/*',
      'units',
    ],
    types: ['contents', 'context', 'inputs', 'inputs/*', 'log', 'plan'],
  },
  'archive/*': {
    values: [
      'archive/*',
      'concurrent',
      'error',
      'graph/*',
      'layers/*',
      'lib/*',
      'nix/changed-in-store',
      'nix/store-path',
      'oci/*',
      'units',
    ],
    types: ['contents', 'loader', 'nix/*', 'nix/nar-hash', 'plan'],
  },
  'deflate-worker': { types: ['archive/*'] },
  'hash-worker': { types: ['archive/*'] },
  'image-defaults': { types: ['archive/*', 'contents', 'loader'] },
  assemble: { values: ['oci/*'], types: ['contents', 'plan'] },
  'registry/*': {
    values: [
      'check',
      'command',
      'error',
      'lib/*',
      'lib/github-server',
      'loopback',
      'oci/*',
      'registry/*',
      'registry/private-address',
    ],
    types: ['inputs/*', 'log'],
  },
  outcome: { types: ['contents', 'nix/*', 'oci/*', 'timings'] },
  'report/*': {
    values: ['check', 'graph/*', 'nix/nar-hash', 'nix/store-path', 'oci/*', 'units'],
    types: ['nix/*', 'outcome'],
  },
  'registry-records': { values: ['cache/*', 'check', 'error', 'oci/*', 'registry/*'], types: ['log'] },
  'earlier-runs': {
    values: [
      'assemble',
      'cache/*',
      'concurrent',
      'error',
      'nix/*',
      'oci/*',
      'registry-records',
      'registry/*',
      'reuse/*',
    ],
    types: ['contents', 'nix/nar-hash', 'outcome', 'plan'],
  },
  'build-platform': {
    values: ['archive/*', 'assemble', 'graph/*', 'image-defaults', 'layers/*', 'loader', 'nix/*', 'oci/*', 'timings'],
    types: ['log', 'nix/store-path', 'outcome', 'plan'],
  },
  builder: {
    values: ['build-platform', 'nix/*', 'registry/*', 'timings'],
    types: ['archive/*', 'cache/*', 'earlier-runs', 'inputs', 'log', 'nix/store-path', 'oci/*', 'outcome', 'plan'],
  },
  'tell-contents': { values: ['graph/*', 'nix/store-path', 'units'], types: ['contents', 'log'] },
  run: {
    values: [
      'archive/*',
      'builder',
      'cache/*',
      'earlier-runs',
      'error',
      'lib/*',
      'nix/*',
      'oci/*',
      'outcome',
      'plan',
      'read-popularity',
      'registry/*',
      'tell-contents',
      'timings',
    ],
    types: ['context', 'inputs', 'log'],
  },
  main: {
    values: ['cache/*', 'context', 'error', 'inputs', 'inputs/*', 'lib/*', 'log', 'nix/*', 'report/*', 'run'],
    types: ['outcome'],
  },
}

/** Who may use what is outside: files, programs, the network, the environment, and packages. Rows as in `rules`. */
const owners: Readonly<Record<string, readonly string[]>> = {
  '@actions/cache': ['cache/cache-process'],
  '@actions/core': ['log', 'main'],
  '@cyclonedx/cyclonedx-library': ['report/sbom'],
  'tar-stream': ['archive/header', 'archive/links', 'archive/tar'],
  'node:child_process': ['command'],
  'node:crypto': [
    'archive/digest',
    'cache/*',
    'hash-worker',
    'layers/layer-key',
    'nix/*',
    'oci/descriptor',
    'reuse/source-key',
  ],
  'node:fs': [
    'archive/*',
    'build-platform',
    'builder',
    'cache/*',
    'command',
    'context',
    'deflate-worker',
    'exists',
    'lib/*',
    'main',
    'nix/*',
    'registry/credentials',
    'registry/http',
    'run',
  ],
  'node:dns': ['registry/outside-lookup'],
  'node:os': ['archive/compress', 'archive/deflate', 'main', 'nix/guard-programs'],
  'node:worker_threads': ['archive/deflate', 'archive/hash-archive', 'deflate-worker', 'hash-worker'],
  'node:zlib': ['archive/compress', 'cache/import-paths', 'deflate-worker'],
  'fetch(': ['nix/download'],
  'node:http': ['registry/http'],
  'node:https': ['registry/http'],
  'node:net': ['nix/staging', 'registry/http', 'registry/outside-lookup', 'registry/private-address'],
  'process.env': ['main'],
  'process.exit': ['main'],
  'process.once': ['main'],
  'import.meta.filename': ['main'],
  // The locale, the clock and chance must not be in an image.
  '.localeCompare': [],
  '.toLocaleString': [],
  // Of a registry that names a date to come back at.
  'Date.now': ['registry/patience'],
  'Math.random': ['registry/patience'],
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

const folderOf = (name: string): string => (name.includes('/') ? `${name.slice(0, name.indexOf('/'))}/*` : name)
const rowOf = (name: string): string => (name in rules ? name : folderOf(name))
const isOurs = (name: string): boolean => rowOf(name) in rules
const packageOf = (name: string): string => /^(@[^/]+\/)?[^/]+/.exec(isOurs(name) ? '' : name)?.[0] ?? name

const violations = ({ name, values, types }: Module): string[] => {
  const rule = rules[rowOf(name)] ?? {}
  const allowed = (imported: string, by: readonly string[] = []): boolean => by.includes(rowOf(imported))
  return [
    ...values
      .filter((value) => isOurs(value) && !allowed(value, rule.values))
      .map((value) => `${name} imports ${value}`),
    ...types
      .filter((type) => isOurs(type) && !allowed(type, [...(rule.values ?? []), ...(rule.types ?? [])]))
      .map((type) => `${name} imports types of ${type}`),
  ]
}

describe('imports', () => {
  test('are those that the table allows', () => {
    expect(modules.flatMap(violations)).toEqual([])
  })

  test('go one way: a row of the table names rows above it, or its own', () => {
    const rows = Object.keys(rules)
    for (const [index, row] of rows.entries())
      for (const named of [...(rules[row]?.values ?? []), ...(rules[row]?.types ?? [])])
        expect(rows.slice(0, index + 1), `${row} names ${named}`).toContain(named)
  })

  test('are all that the table allows, which has no row and no entry for nothing', () => {
    const used = new Set(
      modules.flatMap(({ name, values, types }) => [
        ...values.map((value) => `${rowOf(name)} values ${rowOf(value)}`),
        ...[...values, ...types].map((type) => `${rowOf(name)} types ${rowOf(type)}`),
      ]),
    )
    const allowed = Object.entries(rules).flatMap(([row, { values = [], types = [] }]) => [
      ...values.map((value) => `${row} values ${value}`),
      ...types.map((type) => `${row} types ${type}`),
    ])
    expect(allowed.filter((entry) => !used.has(entry))).toEqual([])
    expect([...new Set(modules.map(({ name }) => rowOf(name)))].toSorted()).toEqual(Object.keys(rules).toSorted())
  })
})

describe('what is outside', () => {
  test.each(Object.entries(owners))('%s is used by its owners only', (what, expected) => {
    const users = modules.filter(
      ({ values, types, uses }) => [...values, ...types].some((name) => packageOf(name) === what) || uses.has(what),
    )
    const named = ({ name }: Module): string => (expected.includes(name) ? name : rowOf(name))
    expect([...new Set(users.map(named))]).toEqual(expected)
  })

  test('has an owner, or does no harm', () => {
    const imported = modules.flatMap(({ values, types }) => [...values, ...types]).filter((name) => !isOurs(name))
    expect(
      [...new Set(imported.map(packageOf))].filter((name) => !(name in owners) && !harmless.includes(name)),
    ).toEqual([])
  })

  test('is not reached by what only computes, through whatever it imports', () => {
    const effects = ['@actions/core', 'tar-stream', 'node:child_process', 'node:fs', 'fetch(', 'process.env']
    const byName = new Map(modules.map((module) => [module.name, module]))
    const reached = modules
      .map(({ name }) => name)
      .filter((name) =>
        /^(assemble|check|error|graph\/|image-defaults|inputs|job-container|layers\/|loader|oci\/|outcome|plan|report\/)/.test(
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
})
