import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parsePackages } from '../../src/inputs/packages.ts'
import { takesModules } from '../../src/nix/modules.ts'
import { root } from '../support/action.ts'

const problemsOf = (text: string): string[] => {
  const problems: string[] = []
  parsePackages(text, (sentence) => problems.push(sentence))
  return problems
}

const alone =
  '; in parentheses are names of modules alone, behind a function of the package set, as in `python3.withPackages(requests, numpy)`.'
const once = ', since a package set has each module in one version, under one name.'

test.each([
  // As Nix has it.
  [
    'python3.withPackages (ps: with ps; [ requests numpy ])',
    '`packages` has "python3.withPackages (ps: with ps; [ requests numpy ])"; write `python3.withPackages(requests, numpy)`.',
  ],
  [
    'perl.withPackages (p: [ p.DBI\n  p.JSONXS ])',
    '`packages` has "perl.withPackages (p: [ p.DBI p.JSONXS ])"; write `perl.withPackages(DBI, JSONXS)`.',
  ],
  [
    'python3.withPackages (ps: [ (ps.requests.override { x = 1; }) ])',
    `\`packages\` has "python3.withPackages (ps: [ (ps.requests.override { x = 1; }) ])"${alone}`,
  ],
  [
    '(python3.withPackages (ps: with ps; [ requests numpy ]))',
    '`packages` has "(python3.withPackages (ps: with ps; [ requests numpy ]))"; write `python3.withPackages(requests, numpy)`.',
  ],
  [
    '(python3.withPackages (ps: [ (ps.requests.override { x = 1; }) ]))',
    `\`packages\` has "(python3.withPackages (ps: [ (ps.requests.override { x = 1; }) ]))"${alone}`,
  ],
  [
    'python3.withPackages([requests, numpy])',
    '`packages` has "python3.withPackages([requests, numpy])"; write `python3.withPackages(requests, numpy)`.',
  ],
  [
    'python3.with_packages(requests)',
    '`packages` has "python3.with_packages(requests)"; write `python3.withPackages(requests)`.',
  ],
  ['php.withextensions(redis)', '`packages` has "php.withextensions(redis)"; write `php.withExtensions(redis)`.'],
  // As pip and Perl have it.
  [
    'python3.withPackages(requests==2.31, numpy)',
    `\`packages\` has "python3.withPackages(requests==2.31, numpy)"; write \`python3.withPackages(requests, numpy)\`${once}`,
  ],
  [
    'python3.withPackages(uvicorn[standard] flask>=2.0)',
    `\`packages\` has "python3.withPackages(uvicorn[standard] flask>=2.0)"; write \`python3.withPackages(uvicorn, flask)\`${once}`,
  ],
  [
    'python3.withPackages(flask >= 2.0, <3 uvicorn[standard, x] numpy)',
    `\`packages\` has "python3.withPackages(flask >= 2.0, <3 uvicorn[standard, x] numpy)"; write \`python3.withPackages(flask, uvicorn, numpy)\`${once}`,
  ],
  [
    'perl.withPackages(JSON::XS)',
    `\`packages\` has "perl.withPackages(JSON::XS)"; write \`perl.withPackages(JSONXS)\`${once}`,
  ],
  // Without a function, or without modules.
  [
    'python3(requests numpy)',
    '`packages` has "python3(requests numpy)"; modules are in parentheses behind a function that takes them, as in `python3.withPackages(requests, numpy)`.',
  ],
  [
    'python3 (requests)',
    '`packages` has "python3 (requests)"; modules are in parentheses behind a function that takes them, as in `python3.withPackages(requests)`.',
  ],
  [
    'python3.withPackages( )',
    '`packages` has "python3.withPackages( )", which names no module; write some, as in `python3.withPackages(requests, numpy)`.',
  ],
  // What is no name.
  ['python3.withPackages(${x})', `\`packages\` has "python3.withPackages(\${x})"${alone}`],
  ['python3.withPackages("a b")', `\`packages\` has "python3.withPackages(\\"a b\\")"${alone}`],
  ['git!.withPackages(x)', `\`packages\` has "git!.withPackages(x)"${alone}`],
  ['(requests)', `\`packages\` has "(requests)"${alone}`],
])('%s is told with what to write', (name, problem) => {
  expect(problemsOf(`jq, ${name}, git`)).toEqual([problem])
})

test('a comment among the modules is told', () => {
  expect(problemsOf('python3.withPackages(\n  requests # for the web\n)')).toEqual([
    '`packages` has "python3.withPackages( requests # for the web )"; write comments in lines of their own, which begin with `#`, and names of modules in the others.',
  ])
})

test.each(['python3.withPackages(requests', 'requests)', 'python3.withPackages(requests)numpy', 'R.withPackages(x);'])(
  'the parentheses of %s are told',
  (name) => {
    expect(problemsOf(name)).toEqual([
      `\`packages\` has ${JSON.stringify(name)}, whose parentheses do not match or have more behind them; write names as in \`python3.withPackages(requests, numpy)\`.`,
    ])
  },
)

test.each([
  ['blanks', `git${' '.repeat(100_000)}jq`],
  ['parentheses', '('.repeat(100_000)],
  ['parentheses that are closed', `(${'(a)'.repeat(50_000)}`],
  ['brackets', `x.withPackages(${'['.repeat(50_000)})`],
  ['blanks in parentheses', `x.withPackages(ps:${' '.repeat(50_000)})`],
])('many %s are read at once', (_, text) => {
  const start = performance.now()
  problemsOf(text)
  expect(performance.now() - start).toBeLessThan(500)
})

test('the README has names with modules, all of them as they are read', async () => {
  const [, example = ''] =
    /```yaml\npackages: \|\n(.*?)```/s.exec(await readFile(join(root, 'README.md'), 'utf8')) ?? []
  const problems: string[] = []
  const names = parsePackages(example, (sentence) => problems.push(sentence))
  expect(problems).toEqual([])
  expect(names).toContain('python3.withPackages(requests, numpy)')
  expect(names.filter((name) => !takesModules(name.slice(0, name.indexOf('('))))).toEqual([])
})
