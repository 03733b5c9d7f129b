import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { actionFile, evaluated, inputVariables, root, runAction } from './support/action.ts'
import { type Certificates, makeCertificates } from './support/certificates.ts'
import { debianSet } from './support/debian-set.ts'
import { startDockerEngine } from './support/docker-engine.ts'
import { need, output } from './support/process.ts'
import { type Registry, startRegistry } from './support/registry.ts'
import { type ContainerStep, type RunnerContainer, startRunnerContainer } from './support/runner-container.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { startWebServer, type WebServer } from './support/web-server.ts'

const stack = new AsyncDisposableStack()
let server: WebServer
let job: RunnerContainer
let ordinary: RunnerContainer

const actions = join(import.meta.dirname, 'fixtures', 'javascript-action')

beforeAll(async () => {
  const certificates = await makeCertificates()
  const registry = stack.use(await startRegistry())
  server = stack.use(await startServer(certificates))
  const engine = stack.use(await startDockerEngine())
  await push(registry, 'job-container', certificates)
  const [started] = await Promise.all([
    startRunnerContainer(engine, `${registry.host}/tools:job-container`),
    push(registry, 'default', certificates),
  ])
  job = stack.use(started)
  ordinary = stack.use(await startRunnerContainer(engine, `${registry.host}/tools:default`))
})
afterAll(() => stack.disposeAsync())

const push = async (registry: Registry, preset: string, { authority }: Certificates): Promise<void> => {
  const step = await runAction({
    packages: 'bash coreutils git nodejs',
    preset,
    nixpkgs: await debianSet(),
    'nixpkgs-config': JSON.stringify({ extraCertificates: authority }),
    image: `${registry.host}/tools`,
    tags: preset,
    // Here the image need not be small, but be made quickly.
    'compression-level': '1',
    'max-layers': '12',
  })
  expect(step.exitCode, step.log).toBe(0)
}

/** A server of a text and a git repository. Only clients that trust the tests' own authority get them. */
const startServer = async (certificates: Certificates): Promise<WebServer> => {
  const folder = stack.use(await temporaryFolder('repository')).path
  const git = (...args: string[]): Promise<string> =>
    output(need('git', 'git'), ['-C', folder, '-c', 'user.name=n', '-c', 'user.email=e', ...args])
  await git('init', '--quiet', '--initial-branch', 'main')
  await writeFile(join(folder, 'README'), 'of a repository')
  await git('add', '.')
  await git('commit', '--quiet', '--message', 'the first commit')
  await git('update-server-info')
  return startWebServer(
    { '/text': 'from a server', '/repository.git/': { folder: join(folder, '.git') } },
    certificates,
  )
}

const succeeded = ({ exitCode, ...step }: ContainerStep): Omit<ContainerStep, 'exitCode'> => {
  expect(exitCode, step.stdout + step.stderr).toBe(0)
  return step
}

describe('in an image with preset: job-container', () => {
  test('there is a PATH that folders can be put before, and no LD_LIBRARY_PATH', async () => {
    succeeded(
      await job.script('echo "$RUNNER_TEMP/first" >> "$GITHUB_PATH"; echo "$RUNNER_TEMP/last" >> "$GITHUB_PATH"'),
    )
    const variables = succeeded(await job.script('env')).stdout.split('\n')
    expect(variables).toContain(`PATH=/__w/_temp/last:/__w/_temp/first:${job.path}`)
    expect(variables.filter((variable) => variable.startsWith('LD_'))).toEqual([])
  })

  test('the runner sees what system it is, and does not take it for Alpine', () => {
    expect(job.release).toMatch(/^ID=(?!.*alpine)/)
  })

  test('scripts run as root, with sh and with bash, and end at the first failure', async () => {
    expect(succeeded(await job.script('id -u; pwd')).stdout).toBe('0\n/__w/r/r\n')
    expect(await job.script('false\necho not here')).toMatchObject({ exitCode: 1, stdout: '' })
    const bash = await job.script('set -o | grep pipefail; false | true\necho not here', { shell: 'bash' })
    expect(bash).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/^pipefail\s+on\n$/) })
  })

  test("the runner's Node.js runs JavaScript actions, with child processes that see nothing of its libraries", async () => {
    const step = succeeded(await job.action(actions, 'main.mjs', { inputs: { greeting: 'hello' } }))
    const node = { version: process.version, execPath: '/__e/node24/bin/node' }
    expect(JSON.parse(step.outputs['seen'] ?? '')).toEqual({
      own: node,
      fork: node,
      worker: node,
      child: [],
      shell: '42',
      event: { ref: 'refs/heads/main' },
      input: 'hello',
    })
    expect(step.summary).toBe('# Seen\n')
    const later = await job.script('echo "$FROM_ACTION, $(cat written-by-action)"')
    expect(succeeded(later).stdout).toBe('a variable, a file\n')
  })

  test('an LD_LIBRARY_PATH of the job stays what it is', async () => {
    const step = await job.action(actions, 'main.mjs', { env: { LD_LIBRARY_PATH: '/__t/python/lib' } })
    const { own, child } = JSON.parse(succeeded(step).outputs['seen'] ?? '')
    expect([own.libraryPath, child]).toEqual(['/__t/python/lib', ['LD_LIBRARY_PATH=/__t/python/lib']])
  })

  test("the runner's Node.js starts without any variable, and its children see none", async () => {
    const program = `console.log(process.version, require('child_process').execFileSync('/bin/env', { env: {} }).length, Object.keys(process.env))`
    const step = await job.script(`env -i /__e/node24/bin/node -e "${program}"`)
    expect(succeeded(step).stdout).toBe(`${process.version} 0 []\n`)
  })

  test('this action runs too', async () => {
    const step = await job.action(join(root, 'dist'), 'index.js', { inputs: { packages: 'not/a/name' } })
    expect(step).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('::error::`packages` has "not/a/name"') })
  })

  test('this action asks the Actions cache by a process of its own, which starts', async () => {
    succeeded(await job.script('mkdir /__w/_temp/set /__w/_actions/nix; echo "_: { }" > /__w/_temp/set/default.nix'))
    const inputs = { packages: 'tree', nixpkgs: '/__w/_temp/set', push: 'false', 'install-nix': 'never' }
    const step = await job.action(join(root, 'dist'), 'index.js', {
      env: {
        ...inputVariables(await actionFile(), inputs, evaluated('0'.repeat(40), {})),
        ACTIONS_RUNTIME_TOKEN: 'token',
        ACTIONS_RESULTS_URL: 'http://127.0.0.1:9/',
        ACTIONS_CACHE_SERVICE_V2: 'true',
      },
    })
    expect(step.stdout).toContain('Actions cache')
    expect(step.stdout).not.toContain('exit code 127')
  })

  test('git fetches over HTTPS from a server with a certificate of the image, and works in a workspace of another user', async () => {
    succeeded(await job.action(actions, 'checkout.mjs', { inputs: { url: `${server.url}/repository.git` } }))
    expect(succeeded(await job.script('git log --format=%s; cat README')).stdout).toBe(
      'the first commit\nof a repository',
    )
  })

  test.each<[string, (url: string) => Promise<ContainerStep>]>([
    [
      'a program of the image',
      (url) => job.script(`node -e 'fetch("${url}").then((r) => r.text()).then(console.log)'`),
    ],
    [
      "the runner's Node.js where it is told to use the system's",
      (url) => job.action(actions, 'get.mjs', { inputs: { url }, env: { NODE_USE_SYSTEM_CA: '1' } }),
    ],
  ])('certificates are found by %s', async (_, get) => {
    expect(succeeded(await get(`${server.url}/text`)).stdout).toBe('from a server\n')
  })

  test("which the runner's Node.js does not know by itself", async () => {
    const { exitCode, stderr } = await job.action(actions, 'get.mjs', { inputs: { url: `${server.url}/text` } })
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('UNABLE_TO_VERIFY_LEAF_SIGNATURE')])
  })

  test('files are packed and unpacked as actions/cache does it', async () => {
    expect(succeeded(await job.action(actions, 'cache.mjs')).outputs).toEqual({
      'cache.tzst': 'cached',
      'cache.tgz': 'cached',
      tar: expect.stringContaining('GNU tar'),
      zstd: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    })
  })
})

describe('in the same image with preset: default', () => {
  test('the runner starts, but JavaScript actions find no loader', async () => {
    expect(succeeded(await ordinary.script('git --version')).stdout).toMatch(/^git version/)
    const { exitCode, stdout, stderr } = await ordinary.action(actions, 'main.mjs')
    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toContain('exec /__e/node24/bin/node: no such file or directory')
  })

  test('git refuses a workspace of another user', async () => {
    const step = await ordinary.script('git init --quiet .\ngit status')
    expect(step).toMatchObject({ exitCode: 128, stderr: expect.stringContaining('dubious ownership') })
  })
})
