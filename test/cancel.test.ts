import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runAction } from './support/action.ts'
import { smallSet } from './support/nix.ts'
import { startRegistry, tags } from './support/registry.ts'

/** The processes below one, by their command lines. */
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
    expect(await readdir(temporary)).toEqual([])
    expect(children.some((line) => line.includes('nix-store'))).toBe(true)
    // Nix ends its builders as it ends.
    await expect.poll(() => children.filter(isRunning), { timeout: 5000 }).toEqual([])
    expect(await tags(registry, 'cancelled')).toEqual([])
    await rm(temporary, { recursive: true })
  },
)
