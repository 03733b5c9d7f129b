import { execFileSync } from 'node:child_process'
import { chmod, chown, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { type BareMachineOptions, runOnBareMachine } from '../support/bare-machine.ts'
import { countNix } from '../support/counted-nix.ts'
import { type HostileJob, hostileJob } from '../support/hostile-set.ts'
import { smallSet } from '../support/nix.ts'
import { nixReleaseTarball } from '../support/nix-release.ts'
import { type OwnStore, ownStore } from '../support/own-store.ts'
import { need } from '../support/process.ts'
import { startRegistry } from '../support/registry.ts'
import { restricted } from '../support/restricted-machine.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

const nobody = 65534
const found = ({ findings }: HostileJob, { folder }: OwnStore): string => {
  const script = `${findings.replace('/nix/', `${folder}/`)} 2>/dev/null || echo nothing was built`
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
}

/** Gives the folders with secrets to a user. */
const keepTo = async (user: number, mode: number, { environment, workspace }: HostileJob): Promise<void> => {
  const { HOME = '', RUNNER_TEMP = '' } = environment
  for (const folder of [HOME, RUNNER_TEMP, workspace]) {
    await chown(folder, user, user)
    await chmod(folder, mode)
  }
}

describe('on a machine without Nix, as another user than root', () => {
  let server: WebServer
  let release: { file: string; sha256: string }
  beforeAll(async () => {
    release = await nixReleaseTarball()
    server = await startWebServer({ '/nix.tar.xz': { file: release.file } })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const run = async (options: BareMachineOptions, inputs = {}) => {
    await using job = await hostileJob()
    await chown(job.environment['HOME'] ?? '', nobody, nobody)
    const nix = { 'install-nix': 'always', 'nix-url': `${server.url}/nix.tar.xz`, 'nix-sha256': release.sha256 }
    return await runOnBareMachine(
      { ...job.inputs, packages: 'spy', ...nix, ...inputs },
      { ...job, ...options, nextStep: `${job.findings}; nix --version; find /nix -xdev ! -user nobody` },
    )
  }

  test.each([
    ['sudo lets it build in a sandbox', []],
    ['sudo does so too where nobody may make a user namespace', restricted('host')],
  ] as const)('%s, and later steps have a store that is theirs', async (_, machine) => {
    const { exitCode, log, next } = await run({ machine })
    expect(exitCode, log).toBe(0)
    expect(next).toMatch(/^nix \(Nix\) [\d.]+\n$/)
  })

  test.each(['auto', 'require'])('without sudo nothing is built, with sandbox: %s', async (sandbox) => {
    const { exitCode, errors, log } = await run({ sudo: false }, { sandbox })
    expect(exitCode, log).toBe(1)
    expect(errors).toEqual([expect.stringMatching(/^spy-\S+ must be built, since no substituter has it, but /)])
  })
})

describe('with a daemon', () => {
  /** The daemon belongs to root, and does not trust the user of the step. */
  const run = async (
    sandboxed: boolean,
    sandbox: string,
    mode = 0o755,
  ): Promise<StepResult & { readonly found: string }> => {
    await using job = await hostileJob()
    await using folder = await temporaryFolder('daemon')
    await keepTo(nobody, mode, job)
    await chmod(folder.path, 0o755)
    const settings = `sandbox = ${sandboxed}\nsandbox-fallback = false\nbuild-users-group = nixbld\nsubstituters =\n`
    await writeFile(join(folder.path, 'nix.conf'), settings)
    await writeFile(join(folder.path, 'group'), `${await readFile('/etc/group', 'utf8')}nixbld:x:30000:games,news\n`)
    const socket = join(folder.path, 'socket')
    await using store = await ownStore(`
mount --bind ${folder.path}/group /etc/group
NIX_REMOTE= NIX_CONF_DIR=${folder.path} NIX_DAEMON_SOCKET_PATH=${socket} nix-daemon --daemon >/dev/null 2>&1 &
daemon=$!
until [ -e ${socket} ]; do sleep 0.01; done`)
    const user = [need('setpriv', 'util-linux'), '--reuid', `${nobody}`, '--regid', `${nobody}`, '--clear-groups']
    const environment = { ...job.environment, NIX_REMOTE: `unix://${socket}` }
    const wrapper = [...store.wrapper, ...user]
    const step = await runAction({ ...job.inputs, packages: 'spy', sandbox }, { ...job, environment, wrapper })
    return { ...step, found: found(job, store) }
  }

  test.each(['auto', 'require'])('that sandboxes, it builds, with sandbox: %s', async (sandbox) => {
    const { exitCode, log, found } = await run(true, sandbox)
    expect(exitCode, log).toBe(0)
    expect(found).toBe('')
  })

  test('that does not, nothing is built, since its users can read the folders of this job', async () => {
    const { exitCode, errors, log, found } = await run(false, 'auto')
    expect(exitCode, log).toBe(1)
    expect(errors[0]).toContain('(the Nix daemon does not build in one, and this user cannot change that)')
    expect(found).toBe('nothing was built\n')
  })

  test('nor where they cannot, with sandbox: require', async () => {
    const { exitCode, errors, log, found } = await run(false, 'require', 0o700)
    expect(exitCode, log).toBe(1)
    expect(errors[0]).toContain('(the Nix daemon does not build in one, and this user cannot change that)')
    expect(found).toBe('nothing was built\n')
  })

  test('that does not, its users build where they cannot', async () => {
    const { exitCode, log, found } = await run(false, 'auto', 0o700)
    expect(exitCode, log).toBe(0)
    expect(found).not.toMatch(/proc|\.git|victim|environment/)
  })
})

describe('in a container that has users for builds', () => {
  const run = async (
    mode: number,
    sandbox = 'auto',
    prepare = 'chgrp 0 /nix/store',
  ): Promise<StepResult & { readonly found: string }> => {
    await using job = await hostileJob()
    await keepTo(0, mode, job)
    await using store = await ownStore(prepare)
    const wrapper = [...store.wrapper, ...restricted('container', 'with build users')]
    const step = await runAction({ ...job.inputs, packages: 'spy', sandbox }, { ...job, wrapper })
    return { ...step, found: found(job, store) }
  }

  test('these build where they cannot read what is the job’s', async () => {
    const { exitCode, log, found } = await run(0o700)
    expect(exitCode, log).toBe(0)
    expect(found).not.toMatch(/proc|\.git|victim|environment/)
  })

  test('nothing is built where they can', async () => {
    const { exitCode, errors, log, found } = await run(0o755)
    expect(exitCode, log).toBe(1)
    expect(errors[0]).toContain('users for builds can read folders of this job')
    expect(found).toBe('nothing was built\n')
  })

  test('nor with sandbox: require, and the sentence says what stood in the way', async () => {
    const { exitCode, errors, log } = await run(0o700, 'require', 'chgrp 70000 /nix/store')
    expect(exitCode, log).toBe(1)
    expect(errors[0]).toMatch(/`sandbox` is `require` and this runner has none \(unshare: [^()]*\);/)
  })
})

test('a store that belongs to a group of users for builds is used, and belongs to it afterwards', async () => {
  await using job = await hostileJob()
  await using store = await ownStore('chgrp 30000 /nix/store')
  const inputs = { ...job.inputs, packages: 'spy', sandbox: 'require' }
  const { exitCode, log } = await runAction(inputs, { ...job, wrapper: store.wrapper })
  expect(exitCode, log).toBe(0)
  expect((await stat(join(store.folder, 'store'))).gid).toBe(30_000)
})

test('a store that another run has given to its users for builds does not stay theirs', async () => {
  await using job = await hostileJob()
  await using store = await ownStore('chgrp 872415232 /nix/store; chmod 1775 /nix/store')
  const inputs = { ...job.inputs, packages: 'spy', sandbox: 'require' }
  const { exitCode, log } = await runAction(inputs, { ...job, wrapper: store.wrapper })
  expect(exitCode, log).toBe(0)
  const { gid, mode } = await stat(join(store.folder, 'store'))
  expect({ gid, mode: mode & 0o7777 }).toEqual({ gid: process.getgid?.(), mode: 0o755 })
})

test('nobody looks for a sandbox where nothing is to be built', async () => {
  await using registry = await startRegistry()
  const inputs = { packages: 'tree', nixpkgs: smallSet, image: `${registry.host}/none`, tags: 'v1' }
  const first = await runAction(inputs)
  expect(first.exitCode, first.log).toBe(0)
  await using nix = await countNix()
  const { exitCode, log } = await runAction(inputs, { environment: { PATH: nix.path } })
  expect(exitCode, log).toBe(0)
  expect(log).not.toContain('nix-image-action-probe')
  expect(log).not.toContain('store ping')
})
