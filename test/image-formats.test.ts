import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAction, type StepResult } from './support/action.ts'
import { unpackImage } from './support/container.ts'
import { debianSet } from './support/debian-set.ts'
import { startDockerEngine } from './support/docker-engine.ts'
import { type Registry, startRegistry } from './support/registry.ts'

type Layer = { readonly diffId: string; readonly mediaType: string }

let registry: Registry
let first: StepResult

const push = async (tag: string, inputs: Record<string, string> = {}): Promise<StepResult> => {
  const image = `${registry.host}/formats`
  const step = await runAction({ packages: 'jq', nixpkgs: await debianSet(), image, tags: tag, ...inputs })
  expect(step.exitCode, step.log).toBe(0)
  return step
}

const layersOf = ({ outputs }: StepResult): Layer[] => JSON.parse(outputs['metadata'] ?? '').platforms[0].layers

beforeAll(async () => {
  registry = await startRegistry()
  first = await push('first')
})
afterAll(() => registry.stop())

test.each([
  ['zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
  ['none', 'application/vnd.oci.image.layer.v1.tar'],
])('compressed with %s an image has the same content', async (compression, mediaType) => {
  const step = await push(compression, { compression })
  expect(layersOf(step).map(({ diffId }) => diffId)).toEqual(layersOf(first).map(({ diffId }) => diffId))
  expect(new Set(layersOf(step).map((layer) => layer.mediaType))).toEqual(new Set([mediaType]))
  await using other = await unpackImage(`docker://${registry.host}/formats:${compression}`)
  expect((await other.run(['jq', '--version'])).stdout).toMatch(/^jq-/)
})

test('max-layers is kept', async () => {
  expect(layersOf(await push('few', { 'max-layers': '5' }))).toHaveLength(5)
})

test('preset: bare has the packages and nothing else', async () => {
  await push('bare', { preset: 'bare' })
  await using bare = await unpackImage(`docker://${registry.host}/formats:bare`)
  expect(execFileSync('ls', [bare.rootfs], { encoding: 'utf8' }).split('\n')).not.toContain('etc')
  expect((await bare.run(['jq', '--version'])).stdout).toMatch(/^jq-/)
})

test('Docker pulls and runs it', async () => {
  await using engine = await startDockerEngine()
  const command = ['run', '--rm', '--network', 'none', first.outputs['ref'] ?? '', 'jq', '--version']
  const { stdout, stderr } = await engine.docker(command)
  expect(stdout, stderr).toMatch(/^jq-/)
})
