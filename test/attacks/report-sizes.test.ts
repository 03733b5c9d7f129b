import { expect } from 'vitest'
import { metadata } from '../../src/report/metadata.ts'
import { sbom } from '../../src/report/sbom.ts'
import { attack } from '../support/attack.ts'
import { manyPaths, outcome, platformOutcome } from '../support/outcomes.ts'

const imageOf = (paths: number, references: number) =>
  outcome({ platforms: [platformOutcome(manyPaths(paths, references))] })

attack('package set', 'attestation', 'needs 20,000 store paths with eleven references each', async () => {
  const { text, notice } = sbom(imageOf(20_000, 11))
  expect(Buffer.byteLength(text)).toBeLessThan(15_000_000)
  expect(notice).toBe(undefined)
  return false
})

attack('package set', 'attestation', 'needs more store paths than actions/attest takes', async () => {
  expect(sbom(imageOf(30_000, 5)).notice).toMatch(
    /^The bill of materials has 1[78]\.\d MB, and actions\/attest takes up to 16\.8 MB; make several images of fewer packages,/,
  )
  return true
})

attack(
  'package set',
  'later runs',
  'fills the outputs of a job, of which GitHub takes 1 MB, with store paths',
  async () => {
    const { text, output } = metadata(imageOf(20_000, 1))
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(32_000)
    expect(JSON.parse(output)).toMatchObject({ truncated: true, platforms: [{ layers: 127 }] })
    expect(Buffer.byteLength(text)).toBeGreaterThan(1_000_000)
    return false
  },
)
