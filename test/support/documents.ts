import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import pins from '../../src/nix/pins.json' with { type: 'json' }
import { oneOfVersions } from '../../src/nix/release.ts'
import { type RunTimeFile, runTimeFiles } from '../../src/rootfs/run-time-files.ts'
import { root } from './action.ts'
import { ownRegistries } from './own-registries.ts'
import { publicRegistries } from './public-registries.ts'
import type { RegistryKind } from './registry-kind.ts'
import { drawRooms, rooms } from './rooms.ts'
import { drawTests } from './tests-of.ts'

/** An input or an output in `action.yml`. */
type Entry = { readonly description: string; readonly default?: string; readonly required?: boolean }

/** Longer defaults are cut off: the pin of nixpkgs would make the column as wide as the page. */
const longestDefault = 60

/** GitHub shows a description as plain text. In a table, the pages and sections that it names become links. */
const cell = (description: string): string =>
  description
    .replaceAll(/docs\/[a-z-]+\.md/g, (page) => `[${page}](${page})`)
    .replaceAll(/README, "([^"]+)"/g, (_, title: string) => `[${title}](#${anchor(title)})`)
    .replaceAll('|', '\\|')

/** The anchor that GitHub gives to a heading. */
export const anchor = (title: string): string => title.toLowerCase().replaceAll(' ', '-')

const defaultOf = ({ required, default: value = '' }: Entry): string => {
  if (required) return 'required'
  const short = value.length > longestDefault ? `${value.slice(0, 12)}…` : value
  return short && `\`${short.replaceAll('|', '\\|')}\``
}

export const drawInputs = (inputs: Readonly<Record<string, Entry>>): string =>
  [
    '| input | default | meaning |\n|---|---|---|\n',
    ...Object.entries(inputs).map(
      ([name, entry]) => `| \`${name}\` | ${defaultOf(entry)} | ${cell(entry.description)} |\n`,
    ),
  ].join('')

const drawOutputs = (outputs: Readonly<Record<string, Entry>>): string =>
  [
    '| output | meaning |\n|---|---|\n',
    ...Object.entries(outputs).map(([name, { description }]) => `| \`${name}\` | ${cell(description)} |\n`),
  ].join('')

const code = (texts: readonly string[], join: string): string => texts.map((text) => `\`${text}\``).join(join)

const drawRunTimeFiles = (files: readonly RunTimeFile[]): string =>
  [
    '| what programs look for | if the image has | it is also | variables with its path |\n|---|---|---|---|\n',
    ...files.map(({ what, sources, names, variables, jobVariables }) => {
      const job = jobVariables.length > 0 ? [`with \`preset: job-container\` also ${code(jobVariables, ' and ')}`] : []
      const cells = [
        what,
        code(
          sources.map((name) => `/${name}`),
          ', or else ',
        ),
        code(
          names.map((name) => `/${name}`),
          ', ',
        ),
        [...(variables.length > 0 ? [code(variables, ', ')] : []), ...job].join('; '),
      ]
      return `| ${cells.join(' | ')} |\n`
    }),
  ].join('')

/** A row for each thing that a registry is known to want. */
const drawRegistries = (kinds: readonly RegistryKind[]): string =>
  [
    '| registry | wants or says | what a push does | reported in |\n|---|---|---|---|\n',
    ...kinds.map(
      ({ registry, wants, does, reports }) => `| ${[registry, wants, does, reports.join(', ')].join(' | ')} |\n`,
    ),
  ].join('')

/**
 * Replaces the part of `text` between the comments `<!-- name -->` and `<!-- /name -->` by `content`. Throws an `Error`
 * if the comments are missing.
 */
export const between = (text: string, name: string, content: string): string => {
  const part = new RegExp(`(<!-- ${name} -->\\n).*(<!-- /${name} -->)`, 's')
  if (!part.test(text)) throw new Error(`There is no <!-- ${name} --> with a <!-- /${name} --> after it.`)
  return text.replace(part, (_, start, end) => `${start}${content}${end}`)
}

/** `text`, with the action of `repository`, as `owner/name`, in each workflow. */
export const withRepository = (text: string, repository: string): string =>
  text.replaceAll(/(?<=uses: )[^/\s]+\/nix-image-action(?=@)/g, () => repository)

/**
 * `text`, with the pins of `src/nix/pins.json` in place of each channel, each commit and the list of releases of Nix
 * that it has.
 */
export const withPins = (text: string): string => {
  const { channel, revision, narHash } = pins.nixpkgs
  return text
    .replaceAll(/\bnixos-\d\d\.\d\d\b/g, channel)
    .replaceAll(/\b[0-9a-f]{40}\b/g, revision)
    .replaceAll(/(?<=#)sha256-[A-Za-z0-9+/]{43}=/g, narHash)
    .replace(/(?<=whose checksum is known: ).*(?=\.$)/m, oneOfVersions(' (the default)'))
}

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The repository that users name, as `owner/name`. Only `repository` in `package.json` defines it. */
export const repository: string = JSON.parse(read('package.json')).repository.replace('github:', '')

/** The pages with generated parts and `action.yml`, by path, as they must be. */
export const documents = (): ReadonlyMap<string, string> => {
  const actionFile = withPins(read('action.yml'))
  const action = parse(actionFile)
  const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'README.md': { inputs: drawInputs(action.inputs), outputs: drawOutputs(action.outputs) },
    [join('docs', 'architecture.md')]: { rooms: drawRooms(rooms) },
    [join('docs', 'registries.md')]: { registries: drawRegistries([...publicRegistries, ...ownRegistries]) },
    [join('docs', 'run-time.md')]: { 'run-time files': drawRunTimeFiles(runTimeFiles) },
    [join('test', 'README.md')]: { tests: drawTests() },
  }
  const pages = globSync(['*.md', 'docs/**/*.md', 'test/*.md'], { cwd: root }).toSorted()
  return new Map([
    ['action.yml', actionFile],
    ...pages.map((page): [string, string] => {
      const drawn = Object.entries(tables[page] ?? {}).reduce(
        (text, [name, table]) => between(text, name, table),
        page === 'README.md' ? withPins(read(page)) : read(page),
      )
      return [page, withRepository(drawn, repository)]
    }),
  ])
}
