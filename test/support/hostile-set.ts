import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './action.ts'
import { debianSet } from './debian-set.ts'
import { nixConfigFolder, pathWithNix } from './nix-places.ts'
import { output } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A job with secrets in all the places where jobs have them, and a package set that tries to find them. */
export type HostileJob = AsyncDisposable & {
  /** The package set and its configuration, the substituter with the programs that it starts, and a password. */
  readonly inputs: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string>>
  readonly workspace: string
  /** The secret values. */
  readonly secrets: readonly string[]
  /** Whether the set ran something outside of a sandbox, which leaves a file there. */
  hasEscaped(): Promise<boolean>
  /** A shell command that prints what the package `spy` has found, one place per line, from the store of the job. */
  readonly findings: string
}

const fixture = join(root, 'test', 'fixtures', 'hostile-set')
const programs = ['bash', 'coreutils', 'findutils', 'gnutar', 'grep', 'hello']
let jobs = 0

/** `bash` is `source` or `host` if the set's bash is to run a program of the set. `config` has lines for nix.conf. */
export const hostileJob = async (bash = '', config = ''): Promise<HostileJob> => {
  await using starting = new AsyncDisposableStack()
  const folder = starting.use(await temporaryFolder('hostile')).path
  const at = (...names: string[]): string => join(folder, ...names)
  await chmod(folder, 0o755)
  await cp(fixture, at('set'), { recursive: true })
  const debian = await debianSet()
  await output('cp', ['--recursive', debian, at('set', 'debian')])
  await output('chmod', ['--recursive', 'a+rX', at('set')])
  const nonce = `${process.pid}-${jobs++}-${performance.timeOrigin.toFixed()}`
  await mkdir(at('marks'))
  await chmod(at('marks'), 0o777)
  const marker = at('marks', 'here')
  await mkdir(at('set', 'evil', 'bin'), { recursive: true })
  const evil = `#!/bin/sh\necho evil > ${marker}\n`
  for (const file of [at('set', 'evil', 'bin', 'bash'), `${marker}.evil/bin/bash`]) {
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, evil, { mode: 0o755 })
  }

  const env = { ...process.env, PATH: pathWithNix(), NIX_CONF_DIR: nixConfigFolder }
  const expression = `with import ${debian} { system = builtins.currentSystem; config = { }; overlays = [ ]; }; [ ${programs.join(' ')} ]`
  const paths = (await output('nix-build', ['--no-out-link', '--expr', expression], { env })).trim().split('\n')
  await output('nix-store', ['--generate-binary-cache-key', 'test-1', at('key'), at('key.public')])
  const to = `file://${at('cache')}?secret-key=${at('key')}&compression=none`
  const copy = ['copy', '--extra-experimental-features', 'nix-command', '--to', to, ...paths]
  await output('nix', copy, { env })

  const secrets = ['SECRET_PASSWORD', 'SECRET_HOME', 'SECRET_WORKSPACE', 'SECRET_TEMPORARY', 'SECRET_VARIABLE']
  const places = { home: at('home'), workspace: at('workspace'), temporary: at('temporary') }
  for (const [name, place] of Object.entries(places)) {
    await mkdir(join(place, '.git'), { recursive: true })
    await chmod(place, 0o777)
    await writeFile(join(place, '.git', 'config'), `SECRET_${name.toUpperCase()}\n`)
  }
  await mkdir(at('config'))
  await writeFile(at('config', 'nix.conf'), 'sandbox = false\nbuild-users-group =\nsubstituters =\n')
  const running = starting.move()
  return {
    inputs: {
      nixpkgs: at('set'),
      'nixpkgs-config': JSON.stringify({ nonce, marker, bash, places: Object.values(places).join(' ') }),
      'nix-config': `substituters = file://${at('cache')}\ntrusted-public-keys = ${await readFile(at('key.public'), 'utf8')}\n${config}`,
      push: 'false',
      preset: 'bare',
      username: 'somebody',
      password: 'SECRET_PASSWORD',
    },
    environment: {
      NIX_CONF_DIR: at('config'),
      HOME: places.home,
      RUNNER_TEMP: places.temporary,
      SECRET_VARIABLE: 'SECRET_VARIABLE',
      // Only the user and the password are secret.
      https_proxy: 'http://SECRET_USER:secret@proxy.example.org:3128',
      no_proxy: '127.0.0.1',
    },
    workspace: places.workspace,
    secrets,
    findings: `cat /nix/store/*-spy-${nonce}/found`,
    hasEscaped: () =>
      readFile(marker).then(
        () => true,
        () => false,
      ),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
