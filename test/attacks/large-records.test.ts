import { afterAll, beforeAll, expect } from 'vitest'
import { documentOf, jsonDocument } from '../../src/oci/descriptor.ts'
import { imageManifestMediaType } from '../../src/oci/media-type.ts'
import { RepositoryClient } from '../../src/registry/repository.ts'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { smallSet } from '../support/nix.ts'
import { type Registry, startRegistry, tags } from '../support/registry.ts'

/** The content of a registry may have any size. It must not cost a run its result, or minutes. */

let registry: Registry
let first: StepResult
let record: string

const push = async (): Promise<StepResult> => {
  const inputs = { packages: 'tree', nixpkgs: smallSet, image: `${registry.host}/large`, tags: 'v1' }
  const step = await runAction({ ...inputs, reuse: 'registry', cache: 'false' })
  expect(step.exitCode, step.log).toBe(0)
  return step
}

beforeAll(async () => {
  registry = await startRegistry()
  first = await push()
  record = (await tags(registry, 'large')).find((tag) => tag.startsWith('nix-')) ?? ''
  expect(record).not.toBe('')
})
afterAll(() => registry.stop())

const plant = async (bytes: number, declared = bytes): Promise<void> => {
  const { signal } = new AbortController()
  const client = new RepositoryClient({ registry: registry.host, name: 'large' }, undefined, {
    ...{ log: { info: () => {} }, secret: () => {} },
    signal,
  })
  const config = documentOf('application/vnd.nix-image-action.record.v1+json', 'x'.repeat(bytes))
  await client.putBlob(config.descriptor, config.bytes)
  const named = { ...config.descriptor, size: declared }
  await client.putManifest(
    jsonDocument(imageManifestMediaType, {
      ...{ schemaVersion: 2, mediaType: imageManifestMediaType },
      ...{ config: named, layers: [] },
    }),
    record,
  )
}

const limit = 15_000

attack(
  'other writer of the registry',
  'end of the run',
  'a record of 9 MB is left alone, and told of once',
  async () => {
    await plant(9_000_000)
    const start = performance.now()
    const step = await push()
    expect(performance.now() - start).toBeLessThan(limit)
    expect(step.outputs['digest']).toBe(first.outputs['digest'])
    expect(step.log).not.toContain('Asking again')
    expect(step.log.match(/^::notice::.*9000000 bytes, and no run keeps so many/gm)).toHaveLength(1)
    return true
  },
)

attack('other writer of the registry', 'end of the run', 'so is one that claims to be smaller than it is', async () => {
  await plant(9_000_001, 100)
  const start = performance.now()
  const step = await push()
  expect(performance.now() - start).toBeLessThan(limit)
  expect(step.outputs['digest']).toBe(first.outputs['digest'])
  expect(step.log).not.toContain('Asking again')
  expect(step.log.match(/^::notice::.*with more than 8 MB, as no registry does/gm)).toHaveLength(1)
  return true
})
