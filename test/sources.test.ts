import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAction } from './support/action.ts'
import { smallSet } from './support/nix.ts'
import { startWebServer, type WebServer } from './support/web-server.ts'

let workspace: string
let server: WebServer
let revision: string

beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  const set = join(workspace, 'set')
  await cp(smallSet, set, { recursive: true })
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', set, '-c', 'user.name=n', '-c', 'user.email=e', ...args], { encoding: 'utf8' }).trim()
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '--message', 'the set')
  revision = git('rev-parse', 'HEAD')
  const archive = join(workspace, 'set.tar.gz')
  execFileSync('tar', ['--create', '--gzip', '--file', archive, '--directory', workspace, '--exclude', '.git', 'set'])
  server = await startWebServer({ '/set.tar.gz': { file: archive } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(workspace, { recursive: true })
})

test('a path, a git URL, a tarball and a lock file with the same content give the same digest, and the log names the pin', async () => {
  const digestOf = async (nixpkgs: string, pin: string): Promise<string | undefined> => {
    const { outputs, log } = await runAction({ packages: 'tree other', nixpkgs, push: 'false' }, { workspace })
    expect(log).toMatch(/^Packages come from .*sha256[:-].*$/m)
    expect(log.split('\n').find((line) => line.startsWith('Packages come from'))).toContain(pin)
    return outputs['digest']
  }
  const fromPath = await runAction({ packages: 'tree other', nixpkgs: './set', push: 'false' }, { workspace })
  const { narHash } = JSON.parse(fromPath.outputs['metadata'] ?? '').source
  const locked = { type: 'tarball', url: `${server.url}/set.tar.gz`, narHash }
  const lock = { version: 7, root: 'root', nodes: { root: { inputs: { pkgs: 'p' } }, p: { locked } } }
  await writeFile(join(workspace, 'flake.lock'), JSON.stringify(lock))

  const { digest } = fromPath.outputs
  expect(digest).toMatch(/^sha256:/)
  expect(await digestOf('./set', narHash)).toBe(digest)
  expect(await digestOf(`git+file://${workspace}/set?rev=${revision}`, revision)).toBe(digest)
  expect(await digestOf(`${server.url}/set.tar.gz`, narHash)).toBe(digest)
  expect(await digestOf('flake.lock#pkgs', narHash)).toBe(digest)
})
