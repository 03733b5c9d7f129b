import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { githubToken, runAction } from './support/action.ts'
import { startCacheService } from './support/cache-service.ts'
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
  await using service = await startCacheService()
  const cacheService = service.environment()
  const runtimeToken = cacheService['ACTIONS_RUNTIME_TOKEN'] ?? ''
  const signingKey = Buffer.alloc(64, 7).toString('base64')
  const inputs = { cache: 'write', 'cache-signing-key': `test-1:${signingKey}` }
  const { exitCode, log } = await runAction(
    { packages: 'tree', nixpkgs: smallSet, image: `${host}/traced`, tags: 'v1', username, password, ...inputs },
    {
      environment: cacheService,
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
  // The runner itself gives the password to the step, so this shows that the trace contains secrets.
  expect(step).toContain(`INPUT_PASSWORD=${password}`)
  expect(children.some((line) => line.includes('nix-store'))).toBe(true)
  expect(children.some((line) => line.includes('zstd'))).toBe(true)
  expect(service.entries.map(({ key }) => key.slice(0, 16))).toEqual(['nix-image-record', 'nix-image-store-'])
  for (const secret of [password, githubToken, runtimeToken, signingKey, 'INPUT_'])
    expect(children.join('\n')).not.toContain(secret)
})
