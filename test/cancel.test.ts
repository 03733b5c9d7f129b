import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runAction } from './support/action.ts'
import { startFaultProxy } from './support/fault-proxy.ts'
import { type Stage, stages } from './support/faults.ts'
import { smallSet } from './support/nix.ts'
import { pathWithNix } from './support/nix-places.ts'
import { startRegistry, tags } from './support/registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** The command lines of the processes below one. */
const below = (pid: number): string[] => {
  const processes = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [])
  const found: string[] = []
  const parents = new Set([String(pid)])
  for (const [, own = '', parent = '', args = ''] of processes)
    if (parents.has(parent)) {
      parents.add(own)
      found.push(`${own} ${args}`)
    }
  return found
}

const isRunning = (process_: string): boolean => {
  const [pid = ''] = process_.split(' ')
  const args = execFileSync('bash', ['-c', 'ps -o args= -p "$1" || true', '-', pid], { encoding: 'utf8' }).trim()
  return args !== '' && process_.endsWith(args)
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends the run within 3 seconds, with what it started, its files and nothing pushed',
  async (signal) => {
    await using registry = await startRegistry()
    const temporary = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
    let children: string[] = []
    let sent = 0
    const { exitCode, errors, log } = await runAction(
      {
        packages: 'slow',
        nixpkgs: smallSet,
        'nixpkgs-config': JSON.stringify({ greeting: `${signal}-${process.pid}` }),
        image: `${registry.host}/cancelled`,
      },
      {
        environment: { RUNNER_TEMP: temporary },
        started: (child) => {
          const timer = setInterval(() => {
            children = below(child.pid ?? 0)
            if (!children.some((line) => line.includes('sleep 60'))) return
            clearInterval(timer)
            sent = performance.now()
            child.kill(signal)
          }, 50)
        },
      },
    )
    expect(performance.now() - sent).toBeLessThan(3000)
    expect({ exitCode, errors }, log).toEqual({ exitCode: 130, errors: [] })
    expect(log).toMatch(/^Cancelled; nothing was tagged that is not complete\.$/m)
    expect(await readdir(temporary)).toEqual([])
    expect(children.some((line) => line.includes('nix-store'))).toBe(true)
    // Nix ends its builders when it ends itself.
    await expect.poll(() => children.filter(isRunning), { timeout: 5000 }).toEqual([])
    expect(await tags(registry, 'cancelled')).toEqual([])
    await rm(temporary, { recursive: true })
  },
)

/** Requests that are never answered, so that the run can be cancelled while it waits. */
const waits: [string, 'SIGINT' | 'SIGTERM', Stage][] = [
  ['it finds out whether it may push', 'SIGINT', 'start of an upload'],
  ['it asks for a blob', 'SIGTERM', 'question for a blob'],
  ['it sends a layer', 'SIGINT', 'upload'],
  ['it puts the manifest', 'SIGTERM', 'manifest'],
  ['it sets the tag', 'SIGINT', 'tag'],
]

test.each(waits)('while %s, %s ends the run within 3 seconds, and no tag is set', async (_, signal, stage) => {
  await using registry = await startRegistry()
  await using proxy = await startFaultProxy(registry.host, [{ fits: stages[stage], fault: 'hang', times: 100 }])
  await using temporary = await temporaryFolder('cancel')
  let sent = 0
  const { exitCode, errors, log } = await runAction(
    { packages: 'tree', nixpkgs: smallSet, image: `${proxy.host}/cancelled`, tags: 'v1' },
    {
      environment: { RUNNER_TEMP: temporary.path },
      started: (child) => {
        const timer = setInterval(() => {
          if (!proxy.requests.some(({ fault }) => fault)) return
          clearInterval(timer)
          sent = performance.now()
          child.kill(signal)
        }, 20)
      },
    },
  )
  expect(performance.now() - sent).toBeLessThan(3000)
  expect({ exitCode, errors }, log).toEqual({ exitCode: 130, errors: [] })
  expect(await readdir(temporary.path)).toEqual([])
  expect(await tags(registry, 'cancelled')).toEqual([])
  // The run cancels its upload, so that the registry need not keep it.
  const last = proxy.requests.slice(proxy.requests.findIndex(({ fault }) => fault) + 1)
  if (stage === 'upload') expect(last.map(({ method }) => method)).toContain('DELETE')
})

test('while a credential helper waits for somebody, SIGTERM ends the run with it', async () => {
  await using folder = await temporaryFolder('cancel')
  const helper = join(folder.path, 'docker-credential-slow')
  await writeFile(helper, `#!/bin/sh\necho asked > ${folder.path}/asked\nexec sleep 67\n`)
  await chmod(helper, 0o755)
  await writeFile(join(folder.path, 'config.json'), '{"credsStore":"slow"}')
  let sent = 0
  const { exitCode } = await runAction(
    { packages: 'tree', nixpkgs: smallSet, image: 'registry.example.org/cancelled' },
    {
      environment: { DOCKER_CONFIG: folder.path, PATH: `${folder.path}:${pathWithNix()}` },
      started: (child) => {
        const timer = setInterval(async () => {
          if (!(await readdir(folder.path)).includes('asked') || sent > 0) return
          clearInterval(timer)
          sent = performance.now()
          child.kill('SIGTERM')
        }, 20)
      },
    },
  )
  expect(exitCode).toBe(130)
  expect(performance.now() - sent).toBeLessThan(3000)
})
