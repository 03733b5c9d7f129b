import { execFileSync } from 'node:child_process'
import { chmod, chown, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { type BareMachineOptions, runOnBareMachine } from '../support/bare-machine.ts'
import { countNix } from '../support/counted-nix.ts'
import { startDaemon } from '../support/daemon.ts'
import { type HostileJob, hostileJob } from '../support/hostile-set.ts'
import { smallSet } from '../support/nix.ts'
import { pathWithNix } from '../support/nix-places.ts'
import { nixReleaseTarball } from '../support/nix-release.ts'
import { need } from '../support/process.ts'
import { startRegistry } from '../support/registry.ts'
import { restricted } from '../support/restricted-machine.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

const nobody = 65534
const found = ({ findings }: HostileJob): string =>
  execFileSync('bash', ['-c', `${findings} 2>/dev/null || echo nothing was built`], { encoding: 'utf8' })

/** Makes the folders with secrets those of a user. */
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
  /** The daemon is root's, and does not trust the user of the step. */
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
    const socket = join(folder.path, 'socket')
    const env = { PATH: pathWithNix(), NIX_CONF_DIR: folder.path, NIX_DAEMON_SOCKET_PATH: socket, HOME: folder.path }
    const ready = async () =>
      readFile(socket).then(
        () => true,
        (error) => error.code !== 'ENOENT',
      )
    const logs = join(folder.path, 'logs')
    const daemon = await startDaemon('bash', ['-c', withBuildUsers, folder.path], { logs, env, ready })
    try {
      const wrapper = [need('setpriv', 'util-linux'), '--reuid', `${nobody}`, '--regid', `${nobody}`, '--clear-groups']
      const environment = { ...job.environment, NIX_REMOTE: `unix://${socket}` }
      const step = await runAction({ ...job.inputs, packages: 'spy', sandbox }, { ...job, environment, wrapper })
      return { ...step, found: found(job) }
    } finally {
      await daemon.stop()
      await chown('/nix/store', 0, 0)
    }
  }

  /** In a mount namespace of its own; the store is root's again at the end. */
  const withBuildUsers = `
    (cat /etc/group; echo nixbld:x:30000:games,news) > "$0/group"
    exec unshare --mount --propagation private bash -c 'mount --bind "$0/group" /etc/group; exec nix-daemon --daemon' "$0"`

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
  const run = async (mode: number, sandbox = 'auto'): Promise<StepResult & { readonly found: string }> => {
    await using job = await hostileJob()
    await keepTo(0, mode, job)
    await chown('/nix/store', 0, 0)
    const step = await runAction(
      { ...job.inputs, packages: 'spy', sandbox },
      { ...job, wrapper: restricted('container', 'with build users') },
    )
    return { ...step, found: found(job) }
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

  test('nor with sandbox: require', async () => {
    const { exitCode, errors, log } = await run(0o700, 'require')
    expect(exitCode, log).toBe(1)
    expect(errors[0]).toContain('`sandbox` is `require`')
  })
})

test('a store that belongs to a group of users for builds is used, and belongs to it afterwards', async () => {
  const chgrp = async (group: number) => chown('/nix/store', 0, group)
  await chgrp(30_000)
  try {
    await using job = await hostileJob()
    const { exitCode, log } = await runAction({ ...job.inputs, packages: 'spy', sandbox: 'require' }, { ...job })
    expect(exitCode, log).toBe(0)
    expect((await stat('/nix/store')).gid).toBe(30_000)
  } finally {
    await chgrp(0)
  }
})

test('nobody looks for a sandbox where nothing is to be built', async () => {
  await using registry = await startRegistry()
  const inputs = { packages: 'tree', nixpkgs: smallSet, image: `${registry.host}/none`, tags: 'v1' }
  expect((await runAction(inputs)).exitCode).toBe(0)
  await using nix = await countNix()
  const { exitCode, log } = await runAction(inputs, { environment: { PATH: nix.path } })
  expect(exitCode, log).toBe(0)
  expect(log).not.toContain('nix-image-action-probe')
  expect(log).not.toContain('store ping')
})
