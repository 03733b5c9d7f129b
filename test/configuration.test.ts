import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAction, type StepResult } from './support/action.ts'
import { debianSet } from './support/debian-set.ts'
import { type DockerEngine, startDockerEngine } from './support/docker-engine.ts'
import { smallSet } from './support/nix.ts'
import { startRegistry } from './support/registry.ts'

let nixpkgs: string
beforeAll(async () => {
  nixpkgs = await debianSet()
})

describe('what the inputs say about an image', () => {
  const stack = new AsyncDisposableStack()
  let image: string
  let engine: DockerEngine

  beforeAll(async () => {
    const registry = stack.use(await startRegistry())
    engine = stack.use(await startDockerEngine())
    image = `${registry.host}/configured:v1`
    const step = await runAction(
      {
        packages: 'bash coreutils',
        nixpkgs,
        image: `${registry.host}/configured`,
        tags: 'v1',
        user: '1234:56',
        workdir: '/srv/app',
        volumes: '/data',
        expose: '8080, 53/udp',
        env: 'GREETING=hello, world\nPATH=/opt/bin:/bin',
        entrypoint: `bash -c 'echo "$0 $*"; exec "$@"'`,
        cmd: '["pwd"]',
        'stop-signal': '3',
        healthcheck: '{ "test": ["CMD", "bash", "-c", "test -e /data/ready"], "interval": "1s", "start-period": "1m" }',
        labels: 'org.opencontainers.image.title=configured',
      },
      { environment: { SOURCE_DATE_EPOCH: '1735689600' } },
    )
    expect(step.exitCode, step.log).toBe(0)
    const pulled = await engine.docker(['pull', '--quiet', image])
    expect(pulled.exitCode, pulled.stderr).toBe(0)
  })
  afterAll(() => stack.disposeAsync())

  const inContainer = async (script: string): Promise<string> => {
    const shell = ['--entrypoint', '/bin/bash', image, '-c', script]
    const { stdout, stderr, exitCode } = await engine.docker(['run', '--rm', '--network', 'none', ...shell])
    expect(exitCode, stderr).toBe(0)
    return stdout.trimEnd()
  }

  test('is what `docker inspect` shows', async () => {
    const [inspected] = JSON.parse((await engine.docker(['inspect', image])).stdout) as [
      { Created: string; Config: Record<string, unknown> },
    ]
    expect(inspected.Created).toBe('2025-01-01T00:00:00Z')
    expect(inspected.Config).toMatchObject({
      User: '1234:56',
      WorkingDir: '/srv/app',
      Volumes: { '/data': {} },
      ExposedPorts: { '8080/tcp': {}, '53/udp': {} },
      Entrypoint: ['bash', '-c', 'echo "$0 $*"; exec "$@"'],
      Cmd: ['pwd'],
      StopSignal: 'SIGQUIT',
      Healthcheck: {
        Test: ['CMD', 'bash', '-c', 'test -e /data/ready'],
        Interval: 1_000_000_000,
        StartPeriod: 60_000_000_000,
      },
      Labels: {
        'org.opencontainers.image.source': 'https://github.com/Owner/Repository',
        'org.opencontainers.image.title': 'configured',
      },
    })
  })

  test('is how a container starts', async () => {
    const { stdout, stderr, exitCode } = await engine.docker(['run', '--rm', '--network', 'none', image, 'x', 'pwd'])
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'x pwd\n/srv/app\n', stderr: '', exitCode: 0 })
  })

  test('is who a program runs as, with a name, a home and a folder to write to', async () => {
    expect(
      await inContainer('id -u; id -g; id -un; echo $HOME; touch ~/file; pwd; touch file; stat -c %u:%g:%a . ..'),
    ).toBe(['1234', '56', 'user', '/home/user', '/srv/app', '1234:56:755', '0:0:755'].join('\n'))
  })

  test('is what a program finds in its environment', async () => {
    expect(await inContainer('echo "$GREETING|$PATH|$SSL_CERT_FILE"')).toBe(
      'hello, world|/opt/bin:/bin|/etc/ssl/certs/ca-bundle.crt',
    )
  })

  test('is how Docker asks a program whether it works, and stops it', async () => {
    const script = 'trap "exit 42" QUIT; touch /data/ready; while :; do sleep 0.1; done'
    const shell = ['--entrypoint', '/bin/bash', image, '-c', script]
    const started = await engine.docker(['run', '--detach', '--network', 'none', ...shell])
    expect(started.exitCode, started.stderr).toBe(0)
    const id = started.stdout.trim()
    const state = async (what: string): Promise<string> =>
      (await engine.docker(['inspect', '--format', `{{.State.${what}}}`, id])).stdout.trim()
    await expect.poll(() => state('Health.Status'), { timeout: 30_000 }).toBe('healthy')
    await engine.docker(['stop', '--time', '30', id])
    expect(await state('ExitCode')).toBe('42')
    await engine.docker(['rm', '--volumes', id])
  })

  test('is where a volume is', async () => {
    expect(await inContainer('touch /data/file; stat -c %u:%g:%a /data /data/file')).toBe('1234:56:755\n1234:56:644')
    expect(await inContainer('while read -r _ path _; do echo "$path"; done < /proc/mounts')).toMatch(/^\/data$/m)
  })
})

describe('an image of 30 packages of which some have files of the same name', () => {
  const packages =
    `impostor bash dash ca-certificates coreutils curl file findutils git grep gzip greeting hello jq less
    moreutils nano netbase nodejs perl-base python3-minimal python3-six sed tar tree zstd unfree-hello nix-ld glibc
    stdenv.cc.cc.lib`.split(/\s+/)
  const build = async (list: readonly string[]): Promise<StepResult> => {
    const step = await runAction({
      packages: list.join('\n'),
      nixpkgs,
      'nixpkgs-config': '{ "allowUnfree": true }',
      push: 'false',
      compression: 'none',
    })
    expect(step.exitCode, step.log).toBe(0)
    return step
  }

  /** The conflicts in the log, by the names of the packages. */
  const conflicts = ({ log }: StepResult): string[] =>
    [
      ...log.matchAll(
        /^(\/\S+) is from \/nix\/store\/\w{32}-(\S+?)-\d\S*; left out is \/nix\/store\/\w{32}-(\S+?)-\d\S*$/gm,
      ),
    ]
      .map(([, path, winner, loser]) => `${path}: ${winner}, not ${loser}`)
      .sort()

  test('has the file of the one that is listed first, and names the other', async () => {
    expect(packages).toHaveLength(30)
    const first = await build(packages)
    const named = conflicts(first)
    expect(named).toEqual([
      '/bin/greeting: impostor, not greeting',
      '/bin/hello: impostor, not hello',
      '/bin/sh: bash, not dash',
    ])
    for (const line of named) expect(first.summary).toContain(`| ${line.split(':')[0]} | `)

    const others = packages.filter((name) => !['impostor', 'bash', 'dash', 'greeting', 'hello'].includes(name))
    const reordered = await build(['impostor', ...others.toReversed(), 'bash', 'dash', 'greeting', 'hello'])
    expect(reordered.outputs['digest']).toBe(first.outputs['digest'])
    expect(conflicts(reordered)).toEqual(named)

    const swapped = await build([...others, 'bash', 'dash', 'greeting', 'hello', 'impostor'])
    expect(swapped.outputs['digest']).not.toBe(first.outputs['digest'])
    expect(conflicts(swapped)).toEqual([
      '/bin/greeting: greeting, not impostor',
      '/bin/hello: hello, not impostor',
      '/bin/sh: bash, not dash',
    ])
  })
})

test('a user that the image does not have is an error that says who there is', async () => {
  const { exitCode, errors } = await runAction({
    nixpkgs: smallSet,
    packages: 'tree',
    push: 'false',
    user: 'app',
  })
  expect({ exitCode, errors }).toEqual({
    exitCode: 1,
    errors: [
      "`user` is app, which is not in the image's /etc/passwd; write `root`, `nonroot`, `nobody`, or numbers as in `1000:1000`.",
    ],
  })
})

test('links that lead to nothing are a warning, and in the summary', async () => {
  const { exitCode, warnings, summary, log } = await runAction({
    nixpkgs: smallSet,
    packages: 'dangling',
    push: 'false',
  })
  expect(exitCode, log).toBe(0)
  expect(warnings.map((warning) => warning.replaceAll(/\/nix\/store\/\w{32}-/g, ''))).toEqual([
    'The image has links that lead to nothing in it: /share/below of dangling (to dangling-1.0/share/file/below), /share/certificates of dangling (to /etc/ssl/certs/ca-bundle.crt), /share/chain of dangling (to dangling-1.0/share/nothing) and 10 more, see the step summary.',
  ])
  expect(summary).toContain('<summary>13 links that lead to nothing in the image</summary>')
  expect(summary).toContain('| /share/host | ')
})

test('a health check that needs a shell is told of where there is none', async () => {
  const inputs = { nixpkgs: smallSet, packages: 'tree', push: 'false' }
  const line = { ...inputs, healthcheck: '{ "test": "test -e /ready" }' }
  const { exitCode, warnings, log } = await runAction(line)
  expect(exitCode, log).toBe(0)
  const warning =
    '`healthcheck` has a line for a shell, but the image has no /bin/sh; write the program and its arguments, as in `{ "test": ["CMD", "curl", "--fail", "http://localhost:8080"] }`, or list `bash` in `packages`.'
  expect(warnings).toEqual([warning])
  expect((await runAction({ ...line, packages: 'bash' })).warnings).not.toContain(warning)
  expect((await runAction({ ...inputs, healthcheck: 'test -e /ready' })).warnings).toEqual([])
})

test('a package set without nix-ld cannot make the container of a job, which is told with all that is missing', async () => {
  const { exitCode, errors } = await runAction({
    nixpkgs: smallSet,
    packages: 'tree',
    push: 'false',
    preset: 'job-container',
  })
  expect(exitCode).toBe(1)
  expect(
    errors[0]?.split('\n').map((line) => line.replace(/\/\S*small-set with the content [^;]+(?=;)/, 'SET')),
  ).toEqual(
    ['gnugrep', 'gzip', 'zstd', 'git', 'cacert', 'nix-ld', 'glibc', 'stdenv.cc.cc.lib'].map(
      (attr) =>
        `\`preset: job-container\` needs ${attr}, which is not in SET; name a newer nixpkgs, or write \`preset: default\`.`,
    ),
  )
})
