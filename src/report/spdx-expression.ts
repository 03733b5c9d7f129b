import { isSupportedSpdxId } from '@cyclonedx/cyclonedx-library/SPDX'

/**
 * One SPDX expression for licences that all hold, if at least one of them is an expression: `['MIT OR Zlib', 'ISC']`
 * gives `(MIT OR Zlib) AND ISC`. Returns `undefined` if none is, or if one cannot be part of an expression, such as a
 * name that SPDX does not know. Source: SPDX 3.0.1, "SPDX license expressions".
 */
export const spdxExpression = (licenses: readonly string[]): string | undefined => {
  if (licenses.every(isIdentifier) || !licenses.every(isExpression)) return undefined
  if (licenses.length === 1) return licenses[0]
  return licenses.map((license) => (license.includes(' OR ') ? `(${license})` : license)).join(' AND ')
}

/** One token after the other and no recursion, since a package set may nest its text as deep as it likes. */
const isExpression = (text: string): boolean => {
  if (!/^\S+( \S+)*$/.test(text)) return false
  let depth = 0
  let last: 'operator' | 'license' | 'WITH' | 'operand' = 'operator'
  for (const token of text.match(/[()]|[^ ()]+/g) ?? []) {
    const isComplete: boolean = last === 'license' || last === 'operand'
    if (token === '(' && last === 'operator') depth++
    else if (token === ')' && isComplete && depth > 0) {
      depth--
      last = 'operand'
    } else if ((token === 'AND' || token === 'OR') && isComplete) last = 'operator'
    else if (token === 'WITH' && last === 'license') last = 'WITH'
    else if (last === 'operator' && isLicense(token)) last = 'license'
    else if (last === 'WITH' && isIdentifier(token)) last = 'operand'
    else return false
  }
  return depth === 0 && (last === 'license' || last === 'operand')
}

const isLicense = (token: string): boolean =>
  isIdentifier(token) || (token.endsWith('+') && isIdentifier(token.slice(0, -1)))

/** Of a licence or of an exception. */
const isIdentifier = (token: string): boolean => isSupportedSpdxId(token)
