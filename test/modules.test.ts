import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAction, type StepResult } from './support/action.ts'
import { unpackImage } from './support/container.ts'
import { debianSet } from './support/debian-set.ts'
import { type Registry, startRegistry } from './support/registry.ts'

let registry: Registry
beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(() => registry.stop())

const push = async (packages: string): Promise<StepResult> => {
  const step = await runAction({ packages, nixpkgs: await debianSet(), image: `${registry.host}/modules`, tags: 'x' })
  expect(step.exitCode, step.log).toBe(0)
  return step
}

/** Runs a line of Python in the image that was pushed last. */
const python = async (line: string): Promise<{ exitCode: number; stdout: string; stderr: string }> => {
  await using container = await unpackImage(`docker://${registry.host}/modules:x`)
  return await container.run(['python3', '-c', line])
}

test('Python finds the modules that it is asked for with, and what these import', async () => {
  const name = 'python3Minimal.withPackages(requests)'
  const step = await push(name)
  expect(step.log).not.toContain('does not find the modules')
  expect(JSON.parse(step.metadataFile).packages[0]).toMatchObject({ attr: name, name: 'python3-minimal-env' })
  expect(step.summary).toContain(name)
  expect(await python('import requests; print(requests.name)')).toMatchObject({ exitCode: 0, stdout: 'requests\n' })
})

test('modules beside Python are not found, and a warning says what to write', async () => {
  const step = await push('python3Minimal python3Packages.requests')
  expect(step.log).toContain(
    '::warning::`python3Minimal` does not find the modules that are listed beside it, which are in store paths of their own: python3Packages.requests. Write `python3Minimal.withPackages(requests)` in place of `python3Minimal` and of these modules.',
  )
  const { exitCode, stderr } = await python('import requests')
  expect(exitCode).not.toBe(0)
  expect(stderr).toMatch(/ModuleNotFoundError/)
})
