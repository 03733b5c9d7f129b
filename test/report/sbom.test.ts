import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkClosure } from '../../src/graph/closure.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { type Digest, digestOf } from '../../src/oci/descriptor.ts'
import type { Outcome, PlatformOutcome } from '../../src/report/outcome.ts'
import { sbom } from '../../src/report/sbom.ts'
import { closureOf, closures, narHashOf, pathOf } from '../support/closures.ts'
import { type Bill, readBill, storePathOf, storePathsOf } from '../support/cyclonedx.ts'
import { gitPackage, outcome, platformOutcome, storeLayer } from '../support/outcomes.ts'

const manifest = (digest: Digest): Pick<PlatformOutcome, 'image'> => {
  const { image } = platformOutcome()
  return { image: { ...image, manifest: { ...image.manifest, descriptor: { ...image.manifest.descriptor, digest } } } }
}
const amd64 = digestOf(Buffer.from('amd64'))
const arm64 = digestOf(Buffer.from('arm64'))
const index = digestOf(Buffer.from('index'))
const descriptorOf = (digest: Digest): Pick<Outcome, 'descriptor'> => ({
  descriptor: { ...outcome().descriptor, digest },
})

const onePlatform = outcome({ platforms: [platformOutcome(manifest(amd64))], ...descriptorOf(amd64) })
const twoPlatforms = outcome({
  platforms: [
    platformOutcome(manifest(amd64)),
    platformOutcome({
      ...manifest(arm64),
      platform: 'linux/arm64',
      packages: [],
      closure: closureOf(['arm'], { arm: { needs: ['glibc-2.40'] }, 'glibc-2.40': { size: 30_000_000 } }),
      layers: [{ ...storeLayer, digest: arm64, storePaths: [pathOf('arm'), pathOf('glibc-2.40')] }],
    }),
  ],
  ...descriptorOf(index),
})
const billOf = (changes: Partial<Outcome> = {}): Bill => JSON.parse(sbom({ ...onePlatform, ...changes }).text)
const withPackage = (changes: Partial<typeof gitPackage>): Partial<Outcome> => ({
  platforms: [platformOutcome({ ...manifest(amd64), packages: [{ ...gitPackage, ...changes }] })],
})

describe('the bill of materials of an image', () => {
  test('has the image, and where its packages come from', () => {
    expect(billOf().metadata).toMatchObject({
      component: {
        type: 'container',
        name: 'ghcr.io/owner/name',
        version: amd64,
        purl: `pkg:oci/name@${amd64.replace(':', '%3A')}?arch=amd64&repository_url=ghcr.io/owner/name`,
        externalReferences: [{ type: 'build-meta', url: onePlatform.source.url }],
        properties: [
          { name: 'nix-image-action:source:type', value: 'nixpkgs' },
          { name: 'nix-image-action:source:revision', value: onePlatform.source.revision },
          { name: 'nix-image-action:source:nar_hash', value: onePlatform.source.narHash },
        ],
      },
      properties: [{ name: 'cdx:reproducible', value: 'true' }],
    })
  })

  test('has what the package set says of a package', () => {
    expect(billOf().components[0]).toEqual({
      type: 'application',
      'bom-ref': gitPackage.outPath,
      name: 'git',
      version: '2.51.0',
      hashes: [{ alg: 'SHA-256', content: createHash('sha256').update(gitPackage.outPath).digest('hex') }],
      licenses: [{ license: { id: 'GPL-2.0-only' } }],
      externalReferences: [{ type: 'website', url: 'https://git-scm.com/' }],
      properties: [
        { name: 'nix:store_path', value: gitPackage.outPath },
        { name: 'nix:narinfo:nar_size', value: '10000000' },
        { name: 'nix-image-action:attr', value: 'git' },
        { name: 'nix-image-action:output', value: 'out' },
        { name: 'nix-image-action:layer', value: storeLayer.digest },
      ],
    })
  })

  test('has the name and version of any other store path from its name', () => {
    const { components } = billOf()
    expect(components[1]).toMatchObject({ name: 'glibc', version: '2.40', 'bom-ref': pathOf('glibc-2.40') })
    expect(components[1]).not.toHaveProperty('licenses')
  })

  test('has the packages as what the image needs, and references as what a store path needs', () => {
    expect(billOf().dependencies).toEqual([
      { ref: `ghcr.io/owner/name@${amd64}`, dependsOn: [pathOf('git-2.51.0')] },
      { ref: pathOf('git-2.51.0'), dependsOn: [pathOf('glibc-2.40')] },
      { ref: pathOf('glibc-2.40') },
    ])
  })

  test('has a licence that SPDX does not know by its name', () => {
    const { components } = billOf(withPackage({ license: ['MIT', 'Our own', '', 'MIT'] }))
    expect(components[0]).toHaveProperty('licenses', [{ license: { id: 'MIT' } }, { license: { name: 'Our own' } }])
    const exception = billOf(withPackage({ license: ['LLVM-exception'] }))
    expect(exception.components[0]).toHaveProperty('licenses', [{ license: { name: 'LLVM-exception' } }])
  })

  test.each([undefined, '', 'see the README'])('has no homepage for %j', (homepage) => {
    expect(billOf(withPackage({ homepage })).components[0]).not.toHaveProperty('externalReferences')
  })

  test.each(['file:///home/runner/work/set', 'git+file:///home/runner/work/set'])(
    'does not say where %s was on the runner',
    (url) => {
      const { source } = onePlatform
      const { metadata } = billOf({ source: { ...source, type: 'path', url, revision: undefined } })
      expect(metadata.component).toMatchObject({
        properties: [
          { name: 'nix-image-action:source:type', value: 'path' },
          { name: 'nix-image-action:source:nar_hash', value: source.narHash },
        ],
      })
      expect(metadata.component).not.toHaveProperty('externalReferences')
    },
  )
})

test('the bill of materials of several platforms is that of the index, with the image of each', () => {
  const { metadata, components, dependencies } = billOf(twoPlatforms)
  const images = [amd64, arm64].map((digest) => `ghcr.io/owner/name@${digest}`)
  expect(metadata.component).toMatchObject({
    version: index,
    purl: `pkg:oci/name@${index.replace(':', '%3A')}?repository_url=ghcr.io/owner/name`,
  })
  expect(components.map((component) => component['bom-ref'])).toEqual([
    ...images,
    pathOf('arm'),
    pathOf('git-2.51.0'),
    pathOf('glibc-2.40'),
  ])
  expect(dependencies.slice(0, 3)).toEqual([
    { ref: `ghcr.io/owner/name@${index}`, dependsOn: images },
    { ref: images[0], dependsOn: [pathOf('git-2.51.0')] },
    { ref: images[1], dependsOn: [pathOf('arm')] },
  ])
  const layers = components.at(-1)?.properties?.filter(({ name }) => name === 'nix-image-action:layer')
  expect(layers?.map(({ value }) => value)).toEqual([storeLayer.digest, arm64])
})

describe('the same image has the same bill of materials', () => {
  test('to the byte', () => {
    expect(digestOf(Buffer.from(sbom(onePlatform).text))).toBe(
      'sha256:7ee4efcc5ad981552ae11c687df02de2eacd8c95388326794be9e7d21c7bdfff',
    )
    expect(digestOf(Buffer.from(sbom(twoPlatforms).text))).toBe(
      'sha256:be3183d3e68de6c05061bc1699168c149af8e08d094a6aec5fa4461e990daa26',
    )
  })

  test('whatever the run did, and under whatever tags', () => {
    const layers = [{ ...storeLayer, origin: 'reused' as const }]
    const platforms = [platformOutcome({ ...manifest(amd64), layers })] as const
    const other = { ...onePlatform, platforms, tags: ['other'], pushed: false, uploaded: 0, requests: 0, timings: {} }
    expect(sbom(other)).toEqual(sbom(onePlatform))
  })

  test('and another one another serial number and file, also where only the repository differs', () => {
    const others = [
      twoPlatforms,
      outcome({ ...onePlatform, repository: { registry: 'ghcr.io', name: 'other/name' } }),
      outcome({ ...onePlatform, ...withPackage({ version: '2.51.1' }) }),
    ]
    const names = [onePlatform, ...others].map((each) => sbom(each).fileName)
    expect(new Set(names).size).toBe(4)
    for (const name of names)
      expect(name).toMatch(/^name-[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.cdx\.json$/)
  })
})

test('every store path is in it with its references, whatever the closure', () => {
  fc.assert(
    fc.property(closures, (closure) => {
      const bill = billOf({ platforms: [platformOutcome({ closure, packages: [] })] })
      expect(storePathsOf(bill)).toEqual([...closure.paths.keys()])
      const pathOfRef = new Map(bill.components.map((component) => [component['bom-ref'], storePathOf(component)]))
      expect(
        bill.dependencies.slice(1).map(({ dependsOn = [] }) => dependsOn.map((ref) => pathOfRef.get(ref))),
      ).toEqual([...closure.paths.values()].map(({ references }) => references))
    }),
  )
})

describe('the bill of materials refers to a store path', () => {
  const pathWith = (start: string): StorePath => `/nix/store/${start.padEnd(32, '0')}-x`
  const [one, two, other] = [pathWith('aaaaaaaaaa1'), pathWith('aaaaaaaaaa2'), pathWith('bbbbbbbbbb1')]
  const refsOf = (paths: readonly StorePath[]): string[] => {
    const infos = paths.map((path) => ({ path, narHash: narHashOf(path), narSize: 1, closureSize: 1, references: [] }))
    const platforms = [platformOutcome({ closure: checkClosure(infos, paths), packages: [], layers: [] })] as const
    return billOf({ platforms }).components.map((component) => component['bom-ref'])
  }

  test('by the start of its hash', () => {
    expect(refsOf([one, other])).toEqual(['aaaaaaaaaa', 'bbbbbbbbbb'])
  })

  test('by all of it, where another one starts the same', () => {
    expect(refsOf([one, two, other])).toEqual([one, two, 'bbbbbbbbbb'])
  })
})

test.each([
  ['one platform', onePlatform],
  ['two platforms', twoPlatforms],
])('the bill of materials of %s is valid by the schema', async (_, outcome) => {
  expect(await readBill(sbom(outcome).text)).toEqual(billOf(outcome))
})

test('it is valid whatever a package set says of its packages', async () => {
  const text = fc.string({ unit: 'binary' })
  const said = fc.record({
    version: text,
    license: fc.array(fc.oneof(text, fc.constantFrom('MIT', 'GPL-2.0-only OR MIT'))),
    homepage: fc.oneof(
      text,
      text.map((rest) => `https://example.org/${rest}`),
      text.map((fragment) => `https://example.org/#${fragment}`),
    ),
  })
  // It takes longer to check a bill than to make one, but no longer for many packages than for one.
  const many = fc.array(said, { minLength: 100, maxLength: 100 })
  await fc.assert(
    fc.asyncProperty(many, async (all) => {
      const packages = all.map((each, index) => {
        const path = pathOf(`package-${index}`)
        return { ...gitPackage, ...each, outPath: path, outputs: [{ name: each.version, path }] }
      })
      const names = packages.map((_, index) => `package-${index}`)
      const closure = closureOf(names, Object.fromEntries(names.map((name) => [name, {}])))
      const platforms = [platformOutcome({ ...manifest(amd64), packages, closure, layers: [] })] as const
      const { components } = await readBill(sbom({ ...onePlatform, platforms }).text)
      expect(components).toHaveLength(100)
    }),
    { numRuns: 5 },
  )
})
