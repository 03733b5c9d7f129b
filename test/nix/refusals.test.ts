import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { merged, refusalIn, writtenConfig } from '../../src/nix/refusals.ts'

describe('the name of an unfree package is', () => {
  const unfree = (name: string, more = ''): unknown =>
    refusalIn(`Refusing to evaluate package '${name}' in x.nix:1 because it has an unfree license (‘unfree’)\n${more}`)
      ?.settings[0]
  test.each<[string, string, string, string]>([
    [
      'what nixpkgs writes into its own advice',
      'a-b-unstable-2025',
      '  pkg: builtins.elem (lib.getName pkg) [\n    "a-b"\n  ];',
      'a-b',
    ],
    ['otherwise what is before the version', 'a-b-1.0', '', 'a-b'],
    ['all of it, where there is no version', 'steam-run', '', 'steam-run'],
  ])('%s', (_, name, more, pname) => {
    expect(unfree(name, more)).toEqual({ allowUnfreePackages: [pname] })
  })
})

describe('platforms are named', () => {
  const hint = (platforms: readonly string[], here = '  hostPlatform.system = "x86_64-linux"\n'): string | undefined =>
    refusalIn(
      `package 'a-1' in x is not available on the requested hostPlatform:\n${here}  package.meta.platforms = [\n${platforms.map((name) => `    "${name}"\n`).join('')}  ]`,
    )?.advice('CONFIG')
  const many = Array.from({ length: 10 }, (_, index) => `cpu${index}-linux`)
  test.each<[string, string | undefined, string]>([
    [
      'where they are Linux, these alone',
      hint(['a-darwin', 'b-linux']),
      'it is for b-linux and not for x86_64-linux; ',
    ],
    ['otherwise all', hint(['a-darwin', 'b-freebsd']), 'it is for a-darwin, b-freebsd and not for x86_64-linux; '],
    [
      'at most eight of them',
      hint(many),
      `it is for ${many.slice(0, 8).join(', ')}, 2 more and not for x86_64-linux; `,
    ],
    ['not at all, where only some are excluded', hint([]), 'it is not for x86_64-linux; '],
    ['without this one, where it is not said', hint(['b-linux'], ''), 'it is for b-linux; '],
    ['not at all, where nothing is said', hint([], ''), ''],
  ])('%s', (_, said, expected) => {
    expect(said).toBe(`${expected}leave it out, or write CONFIG to try it`)
  })
})

test('what is no refusal gives nothing', () => {
  for (const message of ['', 'infinite recursion', 'it is marked as insecure', "package 'a-1' has problems:\nnone"])
    expect(refusalIn(message)).toBeUndefined()
})

describe('the configuration is written', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['with what is added', {}, { allowBroken: true }, `'{ "allowBroken": true }'`],
    ['with what there is', { a: [1, 'b'], c: {} }, { d: 1 }, `'{ "a": [1, "b"], "c": {}, "d": 1 }'`],
    ['with lists that grow', { a: ['b'] }, { a: ['b', 'c'] }, `'{ "a": ["b", "c"] }'`],
    ['with sets that grow', { a: { b: { c: 1 } } }, { a: { b: { d: 2 } } }, `'{ "a": { "b": { "c": 1, "d": 2 } } }'`],
    ['with quotes doubled', { a: "it's" }, { b: null }, `'{ "a": "it''s", "b": null }'`],
  ])('%s, as YAML reads it', (_, config, added, expected) => {
    const written = writtenConfig(config, added)
    expect(written).toBe(`\`nixpkgs-config: ${expected}\``)
    const { 'nixpkgs-config': text } = parse(written.replaceAll('`', ''))
    expect(JSON.parse(text)).toEqual(merged(config, added))
  })

  test('without what there is, where that is long', () => {
    expect(writtenConfig({ a: 'x'.repeat(600) }, { b: true })).toBe(
      `\`nixpkgs-config: '{ "b": true }'\`, with what it has now,`,
    )
  })
})
