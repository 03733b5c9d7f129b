import { expect, test } from 'vitest'
import type { Package } from '../../src/nix/image-spec.ts'
import { sbom } from '../../src/report/sbom.ts'
import { pathOf } from '../support/closures.ts'
import { type Bill, readBill } from '../support/cyclonedx.ts'
import { gitPackage, outcome, platformOutcome } from '../support/outcomes.ts'

const billOf = (packages: readonly Package[]): Promise<Bill> =>
  readBill(sbom(outcome({ platforms: [platformOutcome({ packages })] })).text)

test('the bill of materials has what is known of a package at each of its outputs', async () => {
  const [out, man] = [gitPackage.outPath, pathOf('glibc-2.40')]
  const packages = [
    {
      ...gitPackage,
      outputs: [
        { name: 'out', path: out },
        { name: 'man', path: man },
      ],
    },
    { ...gitPackage, attr: 'git.man', outPath: man, outputs: [{ name: 'man', path: man }] },
    { ...gitPackage, attr: 'loader', outputs: [] },
  ]
  const { components } = await billOf(packages)
  const ours = /^nix-image-action:(attr|output)$/
  const said = components.map(({ name, version, properties = [] }) => [
    `${name} ${version}`,
    ...properties.filter((property) => ours.test(property.name)).map(({ value }) => value),
  ])
  expect(said).toEqual([
    ['git 2.51.0', 'git', 'out', 'loader'],
    ['git 2.51.0', 'git', 'man', 'git.man', 'man'],
  ])
  expect(components[1]).toHaveProperty('licenses', [{ license: { id: 'GPL-2.0-only' } }])
})

test('it has one SPDX expression where licences are joined, unless SPDX does not know one of them', async () => {
  const licensesOf = async (license: string[]): Promise<unknown> =>
    (await billOf([{ ...gitPackage, license }])).components[0]?.licenses
  expect(await licensesOf(['MIT OR Apache-2.0'])).toEqual([{ expression: 'MIT OR Apache-2.0' }])
  expect(await licensesOf(['MIT OR Zlib', 'ISC'])).toEqual([{ expression: '(MIT OR Zlib) AND ISC' }])
  expect(await licensesOf(['MIT OR Zlib', 'Our own'])).toEqual([
    { license: { name: 'MIT OR Zlib' } },
    { license: { name: 'Our own' } },
  ])
})
