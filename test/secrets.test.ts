import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { githubToken, runAction } from './support/action.ts'
import { smallSet } from './support/nix.ts'
import { need } from './support/process.ts'
import { type Registry, startRegistry } from './support/registry.ts'

let registry: Registry
let folder: string

beforeAll(async () => {
  registry = await startRegistry({ auth: 'token' })
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterAll(async () => {
  await registry.stop()
  await rm(folder, { recursive: true })
})

test('no program that the action starts gets a secret in its arguments or its environment', async () => {
  const { host, username, password } = registry
  const trace = join(folder, 'trace')
  const { exitCode, log } = await runAction(
    { packages: 'tree', nixpkgs: smallSet, image: `${host}/traced`, tags: 'v1', username, password },
    {
      environment: { ACTIONS_RUNTIME_TOKEN: 'runtime-token' },
      wrapper: [
        ...[need('strace', 'strace'), '--follow-forks', '--trace=execve', '--string-limit=100000', '--no-abbrev'],
        ...[`--output=${trace}`, '--'],
      ],
    },
  )
  expect(exitCode, log).toBe(0)
  const [step = '', ...children] = (await readFile(trace, 'utf8'))
    .split('\n')
    .filter((line) => line.includes('execve('))
  // The runner itself gives them to the step, so the trace would show them.
  expect(step).toContain(`INPUT_PASSWORD=${password}`)
  expect(children.some((line) => line.includes('nix-store'))).toBe(true)
  for (const secret of [password, githubToken, 'runtime-token', 'INPUT_'])
    expect(children.join('\n')).not.toContain(secret)
})
