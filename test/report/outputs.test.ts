import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { outputs } from '../../src/report/outputs.ts'
import { outcome, platformOutcome } from '../support/outcomes.ts'

const files = { sbom: undefined, metadata: '/temp/x.metadata.json' }

test('the outputs are those of action.yml', () => {
  const action = parse(readFileSync(join(import.meta.dirname, '..', '..', 'action.yml'), 'utf8'))
  expect(Object.keys(outputs(outcome(), '{}', files)).toSorted()).toEqual(Object.keys(action.outputs).toSorted())
})

test('the outputs say where the image is and how to get exactly this one', () => {
  const { image, descriptor } = { ...platformOutcome(), ...outcome() }
  expect(outputs(outcome(), '{}', files)).toMatchObject({
    digest: descriptor.digest,
    image: 'ghcr.io/owner/name',
    ref: `ghcr.io/owner/name@${descriptor.digest}`,
    tags: 'v1\nlatest',
    'config-digest': image.config.descriptor.digest,
    reused: 'none',
    metadata: '{}',
    'metadata-file': '/temp/x.metadata.json',
  })
})

test('what there is not is empty', () => {
  expect(outputs(outcome(), '{}', files)).toMatchObject({ output: '', sbom: '' })
  expect(outputs(outcome({ output: '/work/image' }), '{}', { ...files, sbom: '/temp/x.cdx.json' })).toMatchObject({
    output: '/work/image',
    sbom: '/temp/x.cdx.json',
  })
})
