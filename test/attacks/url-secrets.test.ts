import { execFileSync } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { startCacheService } from '../support/cache-service.ts'
import { smallSet } from '../support/nix.ts'
import { need } from '../support/process.ts'
import { startRegistry } from '../support/registry.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

const secret = 'glpat-8f3a2c-secret'
const query = `?private_token=${secret}&ref=main`

let folder: TemporaryFolder
let server: WebServer

beforeAll(async () => {
  folder = await temporaryFolder('url-secrets')
  const archive = join(folder.path, 'set.tar.gz')
  execFileSync('tar', ['--create', '--gzip', '--file', archive, '--directory', join(smallSet, '..'), 'small-set'])
  server = await startWebServer({
    '/set.tar.gz': { file: archive },
    '/echo.tar.gz': (request, response) => void response.writeHead(403).end(`no ${request.url} for you`),
    '/nix.tar.xz': 'not the release',
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** Everything that others can see of a step. The runner hides the command that masks a value. */
const seen = ({ log, ...rest }: StepResult): string =>
  [log.replaceAll(/^::add-mask::.*$/gm, ''), JSON.stringify(rest)].join('\n')

const run = async (inputs: Record<string, string>, environment: Record<string, string> = {}): Promise<StepResult> => {
  const step = await runAction({ packages: 'tree', push: 'false', image: '127.0.0.1:1/x', ...inputs }, { environment })
  expect(step.log, 'the runner is told').toContain(secret)
  expect(seen(step)).not.toContain(secret)
  return step
}

attack(
  'source server',
  'credentials',
  'is asked with a token in the URL of a tarball, in a run that is green',
  async () => {
    await using registry = await startRegistry()
    await using service = await startCacheService()
    const home = join(folder.path, 'home')
    await mkdir(home)
    const trace = join(folder.path, 'trace')
    const inputs = { nixpkgs: `${server.url}/set.tar.gz${query}`, image: `${registry.host}/traced`, cache: 'write' }
    const step = await runAction(
      { packages: 'tree', ...inputs },
      {
        environment: { ...service.environment(), HOME: home },
        wrapper: [
          ...[need('strace', 'strace'), '--follow-forks', '--trace=execve', '--string-limit=100000', '--no-abbrev'],
          ...[`--output=${trace}`, '--'],
        ],
      },
    )
    expect(step.exitCode, step.log).toBe(0)
    expect(step.outputs['metadata']).toContain(`${server.url}/set.tar.gz`)
    expect(seen(step)).not.toContain(secret)
    const [, ...children] = (await readFile(trace, 'utf8')).split('\n').filter((line) => line.includes('execve('))
    expect(children.some((line) => line.includes('nix-instantiate'))).toBe(true)
    expect(children.filter((line) => line.includes(secret))).toEqual([])
    // The secret is neither left on the machine nor in the two places from which later runs read.
    expect(() => execFileSync('grep', ['--recursive', '--text', '--quiet', secret, home])).toThrow()
    expect(service.entries.map(({ key }) => key).join()).not.toContain(secret)
    return false
  },
)

attack('source server', 'credentials', 'refuses a request with a token in its URL, and repeats it', async () => {
  const { exitCode, errors } = await run({ nixpkgs: `${server.url}/echo.tar.gz${query}` })
  expect(exitCode).toBe(1)
  expect(errors).toEqual([expect.stringContaining(`${server.url}/echo.tar.gz cannot be fetched`)])
  return true
})

attack('source server', 'credentials', 'gives another tarball than the hash says, for a token in the URL', async () => {
  const { exitCode, errors } = await run({ nixpkgs: `${server.url}/set.tar.gz${query}#sha256-${'A'.repeat(43)}=` })
  expect(exitCode).toBe(1)
  expect(errors).toEqual([expect.stringContaining('but what is fetched has sha256-')])
  return true
})

attack('source server', 'credentials', 'has no release of Nix at a URL with a token', async () => {
  for (const path of ['/nix.tar.xz', '/missing.tar.xz']) {
    const release = { 'install-nix': 'always', 'nix-url': `${server.url}${path}${query}`, 'nix-sha256': '0'.repeat(64) }
    const { exitCode, errors } = await run({ nixpkgs: smallSet, ...release })
    expect(exitCode).toBe(1)
    expect(errors).toEqual([expect.stringContaining(`${server.url}${path} `)])
  }
  return true
})

attack('checkout', 'credentials', 'makes the inputs wrong in which there are tokens', async () => {
  const wrong = [
    { nixpkgs: `https://example.org/set.html${query}` },
    { nixpkgs: `https://me:${secret}@example.org/set.tar.gz` },
    { nixpkgs: `https://me:a/${secret}@example.org/set.tar.gz` },
    { nixpkgs: `git+https://example.org/set?${secret}` },
    { 'nix-url': `http://example.org/nix.tar.xz${query}` },
    { image: `https://me:${secret}@ghcr.io/a/b` },
    { nixpkgs: smallSet, 'nix-config': `access-tokens github.com=${secret}` },
    { nixpkgs: smallSet, 'nix-config': `max-jobs = https://me:${secret}@example.org` },
  ]
  for (const inputs of wrong) {
    const { exitCode, errors } = await run(inputs)
    expect(exitCode).toBe(1)
    expect(errors.length).toBeGreaterThan(0)
  }
  return true
})
