import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { summary } from '../../src/report/summary.ts'
import { closureOf } from '../support/closures.ts'
import { gitPackage, linksLayer, outcome, platformOutcome, storeLayer } from '../support/outcomes.ts'

const { digest } = outcome().descriptor

describe('the summary', () => {
  test('of an image that was pushed says how to pull it, by its first tag and by its digest', () => {
    const text = summary(outcome())
    expect(text).toContain('### ghcr.io/owner/name\n')
    expect(text).toContain('Pushed as `v1`, `latest`:')
    expect(text).toContain(`\ndocker pull ghcr.io/owner/name:v1\ndocker pull ghcr.io/owner/name@${digest}\n`)
    expect(text).toContain('Sent 12.3 MB in 9 requests; the registry had 1 of 2 layers already.')
  })

  test('of an image that an earlier run made says what that saved', () => {
    const text = summary(outcome({ reused: 'image', secondsBefore: 61.234, timings: { cache: 0.3, push: 0.12 } }))
    expect(text).toContain(
      'Sent 12.3 MB in 9 requests. Nothing was evaluated: the layers are those that an earlier run made in 61.23 s, and finding them took 0.42 s.',
    )
  })

  test('of an image with layers of an earlier run says how many those are', () => {
    const platform = platformOutcome({ layers: [{ ...storeLayer, made: 'reused', blob: 'there' }, linksLayer] })
    expect(summary(outcome({ reused: 'layers', platforms: [platform] }))).toContain(
      "Sent 12.3 MB in 9 requests; 1 of 2 layers are an earlier run's, and the registry had 1 of 2 layers already.",
    )
  })

  test('of one that was not says so, with its digest, and nothing of a push', () => {
    const text = summary(outcome({ pushed: false }))
    expect(text).toContain(`Not pushed. Its digest is \`${digest}\`.`)
    expect(text).not.toMatch(/docker pull|Pushed as|Sent /)
  })

  test('says where the layout is', () => {
    const text = summary(outcome({ pushed: false, output: '/work/image' }))
    expect(text).toContain(`Not pushed; the image layout is in \`/work/image\`. Its digest is \`${digest}\`.`)
  })

  test('has the packages with their versions, outputs and licences, and where to read about them', () => {
    const outputs = [...gitPackage.outputs, { name: 'man', path: gitPackage.outPath }]
    const packages = [
      { ...gitPackage, outputs, license: ['MIT OR Zlib', 'ISC'] },
      { ...gitPackage, attr: 'nix-ld', outputs: [] },
    ]
    expect(summary(outcome({ platforms: [platformOutcome({ packages })] }))).toContain(
      `| Package | Version | Outputs | Licence |
| --- | --- | --- | --- |
| [git](https://git-scm.com/) | 2.51.0 | out, man | MIT OR Zlib, ISC |
| [nix-ld](https://git-scm.com/) | 2.51.0 | not linked | GPL-2.0-only |
`,
    )
  })

  test('says where the packages come from', () => {
    expect(summary(outcome())).toContain('nixpkgs at 755f')
  })

  test('has the layers of each platform with what they hold', () => {
    const platforms = [
      platformOutcome(),
      platformOutcome({
        platform: 'linux/arm64',
        closure: closureOf(['git-2.51.0'], { 'git-2.51.0': { size: 50_000_000 } }),
      }),
    ] as const
    const text = summary(outcome({ platforms }))
    expect(text).toContain('linux/amd64: 40.0 MB in 2 store paths, 12.3 MB in 2 layers.')
    expect(text).toContain('linux/arm64: 50.0 MB in 2 store paths, 12.3 MB in 2 layers.')
    expect(text).toMatch(/\| `[0-9a-f]{12}` \| git, glibc \| 12\.3 MB \| built \| sent \|\n/)
    expect(text).toMatch(/\| `[0-9a-f]{12}` \| links to the packages \| 0\.00 MB \| built \| there \|\n/)
  })

  test('names the files that are in conflict, where there are any', () => {
    const conflict = { path: '/bin/x', winner: '/nix/store/a/bin/x', loser: '/nix/store/b/bin/x' }
    const text = summary(outcome({ platforms: [platformOutcome({ conflicts: [conflict] })] }))
    expect(text).toContain('| /bin/x | /nix/store/a/bin/x | /nix/store/b/bin/x |')
    expect(summary(outcome())).not.toContain('Left out')
  })

  test('has the time of each stage that ran', () => {
    expect(summary(outcome())).toContain('| Stage | Time |\n| --- | --- |\n| source | 0.50 s |\n| nix | 61.23 s |\n')
  })

  test('opens and closes what can be folded, with the empty lines that Markdown in HTML needs', () => {
    const text = summary(outcome())
    const folded = text.match(/\n<details>\n<summary>[^\n]+<\/summary>\n\n[^<]+\n\n<\/details>\n/g) ?? []
    expect(folded).toHaveLength(2)
    expect(text.match(/<\/?details>/g)).toHaveLength(4)
  })
})

describe('text of a package set', () => {
  const summaryWith = (changes: Partial<typeof gitPackage>): string =>
    summary(outcome({ platforms: [platformOutcome({ packages: [{ ...gitPackage, ...changes }] })] }))

  /** The cells in the row of the one package, as a reader of the page sees them. */
  const cellsOf = (text: string): string[] => {
    const lines = text.split('\n')
    const row = lines[lines.indexOf('| --- | --- | --- | --- |') + 1] ?? ''
    return row
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))))
  }

  test.each([
    ['<script>alert(1)</script>'],
    ['![image](https://example.org/x.png)'],
    ['[link](javascript:alert(1))'],
    ['a | b || c'],
    ['**bold** _slanted_ ~~struck~~ `code`'],
    ['# heading'],
    ['\\| escaped'],
    ['<!-- comment'],
    ['</details>'],
  ])('is shown as it is and is no markup: %s', (text) => {
    const outputs = [{ name: text, path: gitPackage.outPath }]
    const shown = summaryWith({ attr: text, version: text, outputs, license: [text], homepage: undefined })
    expect(cellsOf(shown)).toEqual([text, text, text, text])
    expect(shown.split('\n').find((line) => line.includes('&#'))).not.toMatch(/[\\`*_[\]<>~]|#(?!\d)/)
  })

  test('is shown as it is where it looks like an entity', () => {
    // A browser reads `&lt;` as `<`, so the ampersand itself must be escaped.
    expect(summaryWith({ version: '&lt;b&gt;' })).not.toContain('&lt;')
  })

  test('of any kind takes one row and is shown with its white space squeezed', () => {
    const word = fc.string({ unit: 'grapheme-ascii', minLength: 1 }).filter((text) => !/[&\s]/.test(text))
    const words = fc.array(word, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(words, fc.constantFrom(' ', '\n', '\r\n', '\t', '  '), (words, space) => {
        const text = words.join(space)
        const shown = summaryWith({ version: text, license: [text, text], homepage: undefined })
        expect(cellsOf(shown)).toEqual(['git', words.join(' '), 'out', [words.join(' '), words.join(' ')].join(', ')])
        expect(shown.split('\n')).toHaveLength(summary(outcome()).split('\n').length)
      }),
    )
  })

  test.each([
    'javascript:alert(1)',
    'javascript://example.org/%0Aalert',
    'ftp://example.org/',
    'data:text/html,x',
    'https://example.org/)[x](javascript:alert(1)',
    'https://example.org/ "title"',
    'https://example.org/<b>',
    'https://example.org/a|b',
    'http:///\nhttps://example.org',
    '//example.org',
    '',
  ])('is no link where a homepage is not a plain address: %j', (homepage) => {
    expect(cellsOf(summaryWith({ homepage }))).toEqual(['git', '2.51.0', 'out', 'GPL-2.0-only'])
  })
})
