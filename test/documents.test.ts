import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import pins from '../src/nix/pins.json' with { type: 'json' }
import { oneOfVersions } from '../src/nix/release.ts'
import { root } from './support/action.ts'
import { anchor, between, documents, drawInputs, withPins, withRepository } from './support/documents.ts'
import { modules } from './support/modules.ts'
import { staleStories, testsOf } from './support/tests-of.ts'

const read = (page: string): string => readFileSync(join(root, page), 'utf8')

test.each([...documents()])('what is generated in %s is up to date; `npm run document` writes it', (page, text) => {
  expect(read(page)).toBe(text)
})

test('what descriptions name is there', () => {
  const headings = [...read('README.md').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchor(title))
  const named = [
    ...read('action.yml')
      .replaceAll(/\s+/g, ' ')
      .matchAll(/README, "([^"]+)"/g),
  ]
  expect(named.length).toBeGreaterThan(5)
  for (const [, title = ''] of named) expect(headings).toContain(anchor(title))
  for (const [page] of read('action.yml').matchAll(/docs\/[a-z-]+\.md/g)) expect(read(page)).not.toBe('')
})

test('GitHub can read each description: one line of plain text', () => {
  const { inputs, outputs } = parse(read('action.yml')) as Record<string, Record<string, { description: string }>>
  for (const [name, { description }] of [...Object.entries(inputs ?? {}), ...Object.entries(outputs ?? {})]) {
    expect(description, name).toMatch(/^[^\n]+\.$/)
    expect(description, name).not.toMatch(/\]\(|<|\*\*/)
  }
})

/** The newest major versions of other actions that the pages name; all of them run on Node 24. */
const majors: Readonly<Record<string, string>> = {
  'actions/attest': 'v4',
  'actions/checkout': 'v7',
  'docker/metadata-action': 'v6',
}

test('pages name the same versions of other actions as the workflows do, and none that runs on an old Node', () => {
  const folders = ['docs', '.github/workflows']
  const pages = [
    'README.md',
    ...folders.flatMap((folder) => readdirSync(join(root, folder)).map((file) => join(folder, file))),
  ]
  const used = pages
    .filter((page) => /\.(md|yml)$/.test(page))
    .flatMap((page) => [...read(page).matchAll(/uses: ([a-z-]+\/[a-z/-]+)@(v\d+|[0-9a-f]{40} # v\d+)/g)])
    .map(([, action = '', version = '']) => [action, version.replace(/.* /, '')] as const)
    .filter(([action]) => Object.hasOwn(majors, action))
  expect(new Set(used.map(([action]) => action))).toEqual(new Set(Object.keys(majors)))
  for (const [action, version] of used) expect(`${action}@${version}`).toBe(`${action}@${majors[action]}`)
})

test('CONTRIBUTING.md names only commands, files and folders that are there', () => {
  const page = read('CONTRIBUTING.md')
  const { scripts } = JSON.parse(read('package.json'))
  const commands = [...page.matchAll(/npm run ([a-z-]+)/g)].map(([, script]) => script)
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(commands))
  const links = [...page.matchAll(/\]\(([^)#]+)/g)].map(([, path = '']) => path)
  const files = [...page.matchAll(/(?<=[` ])(?:src|test|docs|dist)\/[\w./-]*/g)].map(([path]) => path)
  const paths = [...links, ...files]
  expect(paths.length).toBeGreaterThan(15)
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

describe('a table', () => {
  test('has what is required, links, and no bar that ends a cell', () => {
    const description = 'See README, "How it works", and docs/reuse.md; a|b.'
    expect(
      drawInputs({ a: { description, required: true }, b: { description: 'B.', default: '${{ x || y }}' } }),
    ).toContain(
      [
        '| `a` | required | See [How it works](#how-it-works), and [docs/reuse.md](docs/reuse.md); a\\|b. |',
        '| `b` | `${{ x \\|\\| y }}` | B. |\n',
      ].join('\n'),
    )
  })

  test('goes between its comments, and only there', () => {
    expect(between('a\n<!-- x -->\nold\n<!-- /x -->\nb', 'x', 'new $&\n')).toBe('a\n<!-- x -->\nnew $&\n<!-- /x -->\nb')
    expect(() => between('a\n<!-- x -->\n', 'x', 'new\n')).toThrow('There is no <!-- x --> with a <!-- /x -->')
  })
})

test('workflows name the repository of package.json, and other actions stay', () => {
  expect(withRepository('- uses: OWNER/nix-image-action@v1\n- uses: actions/checkout@v5', 'me/fork')).toBe(
    '- uses: me/fork@v1\n- uses: actions/checkout@v5',
  )
})

test('pages name the channel, the commit and the releases of `pins.json`', () => {
  const { channel, revision, narHash } = pins.nixpkgs
  const old = `nixos-00.05 ${'0'.repeat(40)}#sha256-${'0'.repeat(43)}= whose checksum is known: 1.0.\nnixos-unstable`
  expect(withPins(old)).toBe(
    `${channel} ${revision}#${narHash} whose checksum is known: ${oneOfVersions(' (the default)')}.\nnixos-unstable`,
  )
})

describe('tests of modules', () => {
  test.each(modules.map(({ name }) => name))('%s has some', (name) => {
    expect(testsOf(name).tests).not.toEqual([])
  })

  test('are stories only for modules that are there and have no test of their name', () => {
    expect(staleStories).toEqual([])
  })
})
