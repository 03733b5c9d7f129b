import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLicenseId, spdxExpression } from '../../src/report/spdx-expression.ts'
import { root } from '../support/action.ts'

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
    [['GPL-2.0+ WITH Classpath-exception-2.0'], 'GPL-2.0+ WITH Classpath-exception-2.0'],
    [['GPL-2.0-with-classpath-exception OR MIT'], 'GPL-2.0-with-classpath-exception OR MIT'],
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
    [['GPL-2.0++ OR MIT']],
    [['Apache-2.0 WITH MIT']],
    [['Apache-2.0 WITH GPL-2.0+']],
    [['LLVM-exception']],
    [['MIT OR LLVM-exception']],
    [['LLVM-exception WITH LLVM-exception']],
  ])('%j', (licences) => {
    expect(spdxExpression(licences)).toBeUndefined()
  })

  test('where their text is long, and that is found soon', () => {
    expect(spdxExpression(['('.repeat(1e6)])).toBeUndefined()
    expect(spdxExpression([`MIT${' OR MIT'.repeat(1e5)} OR`])).toBeUndefined()
  })
})

test('each identifier that CycloneDX knows is that of a licence or of an exception, as its schema says', async () => {
  const schema = join(root, 'node_modules/@cyclonedx/cyclonedx-library/res/schema/spdx.SNAPSHOT.xsd')
  const [licenses = [], exceptions = []] = (await readFile(schema, 'utf8'))
    .split('<!-- Exceptions -->')
    .map((part) => [...part.matchAll(/<xs:enumeration value="([^"]+)">/g)].map(([, id = '']) => id))
  expect(licenses.length).toBeGreaterThan(700)
  expect(exceptions.length).toBeGreaterThan(80)
  expect(licenses.filter((id) => !isLicenseId(id) || spdxExpression([`MIT WITH ${id}`]))).toEqual([])
  expect(exceptions.filter((id) => isLicenseId(id) || !spdxExpression([`MIT WITH ${id}`]))).toEqual([])
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
