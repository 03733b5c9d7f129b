import { existsSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root, runAction, type StepResult } from './support/action.ts'
import { type Container, unpackImage } from './support/container.ts'
import { type Bill, readBill, storePathOf } from './support/cyclonedx.ts'
import { type Registry, startRegistry } from './support/registry.ts'

type Metadata = { packages: { attr: string; license: string[]; outputs: { name: string; path: string }[] }[] }

let registry: Registry
let container: Container
let step: StepResult
let metadata: Metadata
let bill: Bill

const packages = 'lz4, netcat, fontconfig, script, either, withoutLicence'

beforeAll(async () => {
  registry = await startRegistry()
  step = await runAction({
    packages,
    nixpkgs: join(root, 'test', 'fixtures', 'outputs-set'),
    image: `${registry.host}/outputs`,
    tags: 'v1',
  })
  expect(step.exitCode, step.log).toBe(0)
  container = await unpackImage(`docker://${registry.host}/outputs:v1`)
  metadata = JSON.parse(step.metadataFile)
  bill = await readBill(step.sbom)
})
afterAll(async () => {
  await container[Symbol.asyncDispose]()
  await registry.stop()
})

test.each(['/bin/lz4', '/share/man/man1/lz4.1', '/bin/nc', '/bin/fc-list', '/etc/fonts/fonts.conf'])(
  'the image has %s, whichever output of its package it is in',
  (path) => {
    const target = readlinkSync(join(container.rootfs, path))
    expect(target).toMatch(/^\/nix\/store\//)
    expect(existsSync(join(container.rootfs, target))).toBe(true)
  },
)

test('metadata, summary and bill of materials say which outputs those are', () => {
  const [lz4] = metadata.packages
  expect(lz4?.outputs.map(({ name }) => name)).toEqual(['dev', 'out', 'man'])
  expect(JSON.parse(step.outputs['metadata'] ?? '')).toMatchObject({
    packages: [{ attr: 'lz4', outputs: [{ name: 'dev' }, { name: 'out' }, { name: 'man' }] }, {}, {}, {}, {}, {}],
  })
  expect(step.summary).toContain('\n| lz4 | 1.10 | dev, out, man |')
  const manual = bill.components.find((component) => storePathOf(component) === lz4?.outputs[2]?.path)
  expect(manual).toMatchObject({ name: 'lz4', version: '1.10' })
  expect(manual?.properties).toEqual(
    expect.arrayContaining([
      { name: 'nix-image-action:attr', value: 'lz4' },
      { name: 'nix-image-action:output', value: 'man' },
    ]),
  )
})

test('a licence that is a choice is one in metadata, summary and bill of materials', () => {
  expect(metadata.packages.find(({ attr }) => attr === 'either')).toHaveProperty('license', ['MIT OR Apache-2.0'])
  expect(step.summary).toContain('| MIT OR Apache-2.0 |')
  expect(bill.components.find(({ name }) => name === 'plain')).toHaveProperty('licenses', [
    { expression: 'MIT OR Apache-2.0' },
  ])
})

test('what packages do not have, and what they say wrongly, are notices', () => {
  // This machine's Nix may be an old one, which is a notice of its own.
  const notices = step.log.split('\n').filter((line) => /^::notice::(?!.*known vulnerabilities)/.test(line))
  expect(notices).toEqual([
    '::notice::`meta.license` of withoutLicence cannot be evaluated, as the log says; the image is made as if the package did not say it.',
    expect.stringMatching(/^::notice::Nothing is linked from the root of the image to these packages: script\. /),
  ])
  expect(step.log).toContain("attribute 'unknown' missing")
})
