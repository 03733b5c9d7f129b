import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAction, type StepResult } from './support/action.ts'
import { type Bill, readBill, storePathOf, storePathsOf } from './support/cyclonedx.ts'
import { debianSet } from './support/debian-set.ts'
import { smallSet } from './support/nix.ts'
import { nixConfigFolder } from './support/nix-places.ts'
import { type Registry, startRegistry } from './support/registry.ts'

const many = `bash coreutils curl dash file findutils git grep gzip hello jq less moreutils nano nodejs perl-base
  python3-minimal python3-six sed tar tree zstd`

let registry: Registry
let step: StepResult
let bill: Bill
let folder: string

beforeAll(async () => {
  registry = await startRegistry()
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  step = await runAction({ packages: many, nixpkgs: await debianSet(), image: `${registry.host}/many`, tags: 'v1' })
  expect(step.exitCode, step.log).toBe(0)
  bill = await readBill(step.sbom)
})
afterAll(() => Promise.all([registry.stop(), rm(folder, { recursive: true })]))

test('the bill of materials of many packages has every store path that they need, and no other', () => {
  const { packages } = JSON.parse(step.metadataFile) as { packages: { outPath: string }[] }
  const closure = execFileSync('nix-store', ['--query', '--requisites', ...packages.map(({ outPath }) => outPath)], {
    encoding: 'utf8',
    env: { ...process.env, NIX_CONF_DIR: nixConfigFolder },
  })
  expect(packages.length).toBeGreaterThan(20)
  expect(storePathsOf(bill)).toEqual(closure.trimEnd().split('\n').toSorted())
})

test('it is about the digest that is pushed, for which actions/attest takes it', () => {
  expect(bill.metadata.component['bom-ref']).toBe(step.outputs['ref'])
  expect(bill.serialNumber).toMatch(/^urn:uuid:/)
  expect(Buffer.byteLength(step.sbom)).toBeLessThan(16 * 1024 * 1024)
})

test('it names the layer of each store path', () => {
  type Layer = { digest: string; storePaths: string[] }
  const { platforms } = JSON.parse(step.metadataFile) as { platforms: { layers: Layer[] }[] }
  const pairs = platforms.flatMap(({ layers }) =>
    layers.flatMap(({ digest, storePaths }) => storePaths.map((path) => `${path} ${digest}`)),
  )
  const layerOf = ({ properties = [] }: Bill['components'][number]): string | undefined =>
    properties.find(({ name }) => name === 'nix-image-action:layer')?.value
  expect(bill.components.map((component) => `${storePathOf(component)} ${layerOf(component)}`)).toEqual(
    pairs.toSorted(),
  )
})

test('the runner is told what was pushed', () => {
  expect(step.artifacts).toBe(`oci://${step.outputs['ref']}\n`)
})

test('where the job has another image of that name, the runner is not told, since it would fail the step', async () => {
  const list = join(folder, 'list')
  const other = { name: `${registry.host}/small`, digest: `sha256:${'0'.repeat(64)}`, kind: 'oci' }
  await writeFile(list, JSON.stringify({ version: 1, subjects: [other] }))
  const { exitCode, artifacts, log } = await runAction(
    { nixpkgs: smallSet, packages: 'tree', image: `${registry.host}/small` },
    { environment: { GITHUB_ARTIFACTS_LIST: list } },
  )
  expect({ exitCode, artifacts }, log).toEqual({ exitCode: 0, artifacts: '' })
  expect(log).toContain(
    'This job has another image of the same name already, and the runner keeps one; give actions/attest',
  )
})

test.each([
  ['a list that is not there', { GITHUB_ARTIFACTS_LIST: '/nonexistent/list' }, 'ENOENT'],
  ['a list that is none', { GITHUB_ARTIFACTS_LIST: '/etc/hostname' }, 'GITHUB_ARTIFACTS_LIST'],
  ['a folder in place of the file', { GITHUB_ARTIFACTS: '/tmp' }, 'EISDIR'],
])('%s is no reason to fail a run whose image is pushed', async (_, environment, reason) => {
  const { exitCode, outputs, log } = await runAction(
    { nixpkgs: smallSet, packages: 'tree', image: `${registry.host}/small` },
    { environment },
  )
  expect({ exitCode, digest: outputs['digest'] }, log).toEqual({ exitCode: 0, digest: expect.any(String) })
  const notice = log.split('\n').find((line) => line.startsWith('::notice::The image is pushed'))
  expect(notice).toMatch(/, but the runner was not told of it \(.*\); give actions\/attest the name and the digest\.$/)
  expect(notice).toContain(reason)
})

test('without a push there is a bill of materials, and the runner is told nothing', async () => {
  const { sbom, artifacts } = await runAction({ nixpkgs: smallSet, packages: 'tree', push: 'false' })
  expect(storePathsOf(await readBill(sbom)).length).toBeGreaterThan(0)
  expect(artifacts).toBe('')
})

test('two steps of a job do not write to the same file', async () => {
  const environment = { RUNNER_TEMP: join(folder, 'temporary') }
  const small = { nixpkgs: smallSet, packages: 'tree', push: 'false' }
  const files: (string | undefined)[] = []
  for (const image of ['ghcr.io/owner/one', 'ghcr.io/other/one']) {
    const { outputs } = await runAction({ ...small, image }, { environment })
    files.push(outputs['sbom'], outputs['metadata-file'])
  }
  expect(new Set(files.map((file) => dirname(file ?? '')))).toEqual(new Set([environment.RUNNER_TEMP]))
  expect((await readdir(environment.RUNNER_TEMP)).toSorted()).toEqual(
    files.map((file) => basename(file ?? '')).toSorted(),
  )
  expect(new Set(files).size).toBe(4)
})

test('sbom: false writes none', async () => {
  const environment = { RUNNER_TEMP: join(folder, 'empty') }
  const { outputs } = await runAction(
    { nixpkgs: smallSet, packages: 'tree', push: 'false', sbom: 'false' },
    { environment },
  )
  expect(outputs).toMatchObject({ sbom: '', digest: expect.stringContaining('sha256:') })
  expect(await readdir(environment.RUNNER_TEMP)).toEqual([basename(outputs['metadata-file'] ?? '')])
})

test('one that cannot be written is one error', async () => {
  const environment = { RUNNER_TEMP: join(folder, 'blocked') }
  const inputs = { nixpkgs: smallSet, packages: 'tree', push: 'false' }
  const { sbom = '' } = (await runAction(inputs, { environment })).outputs
  await rm(sbom)
  await mkdir(sbom)
  const { exitCode, errors } = await runAction(inputs, { environment })
  expect({ exitCode, errors }).toEqual({
    exitCode: 1,
    errors: [
      `The image is complete, but its bill of materials cannot be written to ${sbom} (EISDIR); make room there, or set \`sbom: false\`.`,
    ],
  })
})
