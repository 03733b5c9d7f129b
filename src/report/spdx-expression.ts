import { isSupportedSpdxId } from '@cyclonedx/cyclonedx-library/SPDX'
import deprecatedIds from 'spdx-license-ids/deprecated.json' with { type: 'json' }
import currentIds from 'spdx-license-ids/index.json' with { type: 'json' }

/**
 * One SPDX expression for licences that all hold, if at least one of them is an expression: `['MIT OR Zlib', 'ISC']`
 * gives `(MIT OR Zlib) AND ISC`. Returns `undefined` if none is, or if one cannot be part of an expression, such as a
 * name that SPDX does not know. Source: SPDX 3.0.1, "SPDX license expressions".
 */
export const spdxExpression = (licenses: readonly string[]): string | undefined => {
  if (licenses.every(isLicenseId) || !licenses.every(isExpression)) return undefined
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
    else if (last === 'WITH' && isException(token)) last = 'operand'
    else return false
  }
  return depth === 0 && (last === 'license' || last === 'operand')
}

/** Whether CycloneDX takes a text as the identifier of a licence. It would take that of an exception too. */
export const isLicenseId = (text: string): boolean => isSupportedSpdxId(text) && isLicense(text)

const licenseIds: ReadonlySet<string> = new Set([...currentIds, ...deprecatedIds])

/** The identifier of a licence, in that version or, with `+`, in a later one too. */
const isLicense = (token: string): boolean => licenseIds.has(token.replace(/\+$/, ''))

const isException = (token: string): boolean => isSupportedSpdxId(token) && !isLicense(token)
