import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { spdxExpression } from '../../src/report/spdx-expression.ts'

describe('licences are one expression', () => {
  test.each<[licences: string[], expression: string]>([
    [['MIT OR Apache-2.0'], 'MIT OR Apache-2.0'],
    [['MIT AND Apache-2.0', 'ISC'], 'MIT AND Apache-2.0 AND ISC'],
    [['MIT OR Apache-2.0', 'ISC'], '(MIT OR Apache-2.0) AND ISC'],
    [['ISC AND (MIT OR Zlib)'], 'ISC AND (MIT OR Zlib)'],
    [['((MIT))'], '((MIT))'],
    [['Apache-2.0 WITH LLVM-exception'], 'Apache-2.0 WITH LLVM-exception'],
    [['MIT OR Apache-2.0 WITH LLVM-exception AND ISC'], 'MIT OR Apache-2.0 WITH LLVM-exception AND ISC'],
    [['EUPL-1.1+'], 'EUPL-1.1+'],
    [['EUPL-1.1+ OR MIT'], 'EUPL-1.1+ OR MIT'],
  ])('%j', (licences, expression) => {
    expect(spdxExpression(licences)).toBe(expression)
  })
})

describe('licences are no expression', () => {
  test.each<[licences: string[]]>([
    [[]],
    [['MIT']],
    [['MIT', 'Apache-2.0', 'GPL-2.0+']],
    [['']],
    [['Our own']],
    [['MIT OR Our own']],
    [['MIT OR Zlib', 'Our own']],
    [['MIT OR']],
    [['OR MIT']],
    [['MIT MIT']],
    [['MIT  OR Zlib']],
    [['MIT OR\nZlib']],
    [['mit or zlib']],
    [['()']],
    [['(MIT']],
    [['MIT)']],
    [['(MIT))(']],
    [['MIT (OR) Zlib']],
    [['(MIT OR Zlib) WITH LLVM-exception']],
    [['MIT WITH']],
    [['MIT WITH (LLVM-exception)']],
    [['MIT WITH LLVM-exception WITH LLVM-exception']],
    [['(MIT)+']],
    [['+']],
  ])('%j', (licences) => {
    expect(spdxExpression(licences)).toBeUndefined()
  })

  test('where their text is long, and that is found soon', () => {
    expect(spdxExpression(['('.repeat(1e6)])).toBeUndefined()
    expect(spdxExpression([`MIT${' OR MIT'.repeat(1e5)} OR`])).toBeUndefined()
  })
})

test('an expression in an expression stays what it is', () => {
  const licence = fc.constantFrom('MIT', 'ISC', 'EUPL-1.1+', 'Apache-2.0 WITH LLVM-exception')
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      licence,
      fc.tuple(tie('tree'), fc.constantFrom('AND', 'OR'), tie('tree')).map(([a, by, b]) => `(${a} ${by} ${b})`),
    ),
  }))
  fc.assert(
    fc.property(tree, (text) => {
      expect(spdxExpression([`${text} OR Zlib`])).toBe(`${text} OR Zlib`)
      expect(spdxExpression([`${text} OR Zlib`, 'Zlib'])).toBe(`(${text} OR Zlib) AND Zlib`)
    }),
  )
})
