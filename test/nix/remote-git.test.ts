import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exists } from '../../src/lib/exists.ts'
import { remoteRevision, withRemoteCommit } from '../../src/nix/remote-git.ts'
import type { FetchedSource } from '../../src/nix/source.ts'
import { startGitServer } from '../support/git-server.ts'
import { pin, smallSet, withNix } from '../support/nix.ts'
import { need } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { closedPort, startWebServer } from '../support/web-server.ts'

const temporary = await temporaryFolder('remote-git')
afterAll(() => temporary[Symbol.asyncDispose]())
const work = join(temporary.path, 'work')
const bare = join(temporary.path, 'set.git')
const git = (...args: string[]): string =>
  execFileSync('git', ['-C', work, '-c', 'user.name=n', '-c', 'user.email=e', ...args], { encoding: 'utf8' }).trim()

const megabyte = 1_000_000
let first: string
let second: string
let newest: string

/** A history of three commits. Each has another megabyte of noise, beside the small set. */
beforeAll(async () => {
  const commit = async (message: string): Promise<string> => {
    await writeFile(join(work, 'noise'), randomBytes(megabyte))
    git('add', '.')
    git('commit', '--quiet', '--message', message)
    return git('rev-parse', 'HEAD')
  }
  await cp(smallSet, work, { recursive: true })
  await writeFile(join(work, '.gitattributes'), 'left-out export-ignore\nsubst export-subst\n*.txt text eol=crlf\n')
  await writeFile(join(work, 'left-out'), 'in the commit')
  await writeFile(join(work, 'subst'), '$Format:%H$')
  await writeFile(join(work, 'lines.txt'), 'one\ntwo\n')
  git('init', '--quiet', '--initial-branch', 'main')
  first = await commit('first')
  git('tag', '--annotate', '--message', 'x', 'v1')
  second = await commit('second')
  git('branch', 'release/25.11')
  newest = await commit('newest')
  git('clone', '--quiet', '--bare', '.', bare)
})

type Wanted = { readonly ref?: string; readonly revision?: string }
const fetchFrom = (url: string, { ref, revision }: Wanted): Promise<FetchedSource> =>
  pin({ type: 'git', url, ref, revision })

/** The hash of a commit as the folder that it is, without what its attributes ask for. */
const hashOf = async (revision: string): Promise<string> => {
  const folder = join(temporary.path, revision)
  await mkdir(folder, { recursive: true })
  for (const name of git('ls-tree', '-r', '--name-only', revision).split('\n')) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), execFileSync('git', ['-C', work, 'cat-file', 'blob', `${revision}:${name}`]))
    if (git('ls-tree', revision, '--', name).startsWith('100755')) await chmod(join(folder, name), 0o755)
  }
  return (await pin({ type: 'path', path: folder })).narHash
}

describe('of a git repository on a server, one commit is fetched:', () => {
  test.each<[string, () => Wanted, () => string]>([
    ['that of HEAD', () => ({}), () => newest],
    ['that of HEAD by name', () => ({ ref: 'HEAD' }), () => newest],
    ['that of a branch', () => ({ ref: 'release/25.11' }), () => second],
    ['that of a tag', () => ({ ref: 'refs/tags/v1' }), () => first],
    ['any by its hash', () => ({ revision: second }), () => second],
    ['one of a branch by its hash', () => ({ ref: 'main', revision: first }), () => first],
  ])('%s', async (_, wanted, revision) => {
    await using server = await startGitServer(temporary.path)
    const source = await fetchFrom(`${server.url}/set.git`, wanted())
    expect(source).toMatchObject({ type: 'git', revision: revision(), narHash: await hashOf(revision()) })
    const { ref, revision: known } = wanted()
    // What is looked up before has the same name, under which a later run finds it.
    if (known === undefined)
      expect(await withNix((_, tools) => remoteRevision(`${server.url}/set.git`, ref, tools))).toBe(revision())
    // The history is three times as large.
    expect(server.sent()).toBeLessThan(1.5 * megabyte)
  })

  test.each<[string, () => Wanted, number]>([
    ['the branch where it is known', () => ({ ref: 'release/25.11', revision: first }), 2.5],
    ['all that the server has', () => ({ revision: first }), 3.5],
  ])('from a server that gives no commit by its hash, with %s', async (_, wanted, most) => {
    await using server = await startGitServer(temporary.path, 0)
    const source = await fetchFrom(`${server.url}/set.git`, wanted())
    expect(source).toMatchObject({ revision: first, narHash: await hashOf(first) })
    expect(server.sent()).toBeLessThan(most * megabyte)
  })
})

describe('the user is told', () => {
  const nowhere = 'f'.repeat(40)
  test.each<[string, Wanted, 0 | 2, RegExp]>([
    ['of a branch that is not there', { ref: 'nowhere' }, 2, /fatal: .*refs\/heads\/nowhere/],
    ['of a commit that is not there', { revision: nowhere }, 2, new RegExp(`it has no commit ${nowhere}`)],
    ['of a commit that no branch has', { revision: nowhere }, 0, new RegExp(`it has no commit ${nowhere}`)],
  ])('%s', async (_, wanted, protocol, said) => {
    await using server = await startGitServer(temporary.path, protocol)
    const message = await fetchFrom(`${server.url}/set.git`, wanted).then(String, (error: Error) => error.message)
    expect(message).toMatch(said)
    expect(message).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/set\.git cannot be fetched: .*; check that `nixpkgs` names something that is there\.$/,
    )
    // A server that would give the commit is not asked for all that it has instead.
    if (protocol === 2) expect(server.sent()).toBeLessThan(0.1 * megabyte)
  })

  test('of a server that sends to another which anybody on the way can change', async () => {
    await using server = await startGitServer(temporary.path)
    await using other = await startWebServer({
      '/': ({ url }, response) => response.writeHead(302, { location: server.url + url }).end(),
    })
    await expect(fetchFrom(`${other.url}/set.git`, {})).rejects.toThrow(/cannot be fetched: fatal: /)
    expect(server.requests).toEqual([])
  })

  test('of a server that wants a password', async () => {
    await using server = await startWebServer({
      '/': (_, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    })
    await expect(fetchFrom(`${server.url}/set.git`, {})).rejects.toThrow(
      /set\.git cannot be fetched: fatal: could not read Username .*; if it is there, let git log in by ~\/\.netrc or a credential helper before this step, or write `github:owner\/repo\/ref` or `git\+ssh:\/\/…`\.$/,
    )
  })

  test('of a repository that is not there', async () => {
    await using server = await startGitServer(temporary.path)
    await expect(fetchFrom(`${server.url}/other.git`, {})).rejects.toThrow(
      /other\.git cannot be fetched: fatal: .*not found/,
    )
  })
})

test('a run that is cancelled leaves no program of git behind', async () => {
  const asked = Promise.withResolvers<IncomingMessage>()
  await using server = await startWebServer({ '/': asked.resolve })
  const cancel = new AbortController()
  const fetching = withNix((_, tools) =>
    withRemoteCommit(`${server.url}/set.git`, 'main', undefined, { ...tools, signal: cancel.signal }, async () => {}),
  )
  const ended = once((await asked.promise).socket, 'close')
  cancel.abort(new Error('cancelled'))
  await expect(fetching).rejects.toThrow('cancelled')
  await ended
})

/** Runs a program that is to be there as long as the test, and ends it with that. */
const started = async (program: string, args: readonly string[], options = {}): Promise<AsyncDisposable> => {
  const child = spawn(program, args, { stdio: 'ignore', ...options })
  await once(child, 'spawn')
  return {
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit')
      if (child.kill()) await ended
    },
  }
}

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 20_000; !(await holds()); await setTimeout(50))
    if (Date.now() > end) throw new Error('it does not start')
}

describe('a repository by ssh is fetched', () => {
  const keys = join(temporary.path, 'keys')
  const key = (name: string): string => join(keys, name)
  const agent = join(temporary.path, 'agent')
  let port: string

  beforeAll(async () => {
    await mkdir(keys, { mode: 0o700 })
    for (const name of ['host', 'user'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', key(name)])
    await cp(key('user.pub'), key('authorized'))
    port = await closedPort()
    await writeFile(key('known_hosts'), `[127.0.0.1]:${port} ${await readFile(key('host.pub'), 'utf8')}`)
  })

  const sshd = async (): Promise<AsyncDisposable> => {
    const settings = {
      ListenAddress: `127.0.0.1:${port}`,
      HostKey: key('host'),
      AuthorizedKeysFile: key('authorized'),
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
      KbdInteractiveAuthentication: 'no',
      PasswordAuthentication: 'no',
      PermitRootLogin: 'prohibit-password',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    // Where Debian's sshd leaves its privileges. It is there once the service has run.
    if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true })
    const server = await started(need('sshd', 'openssh-server'), ['-D', '-f', '/dev/null', ...options])
    await until(
      async () => (await fetch(`http://127.0.0.1:${port}`).catch(({ cause }) => cause))?.code !== 'ECONNREFUSED',
    )
    return server
  }

  /** Fetches it with the settings of a user who knows the host and has no key in a file. */
  const fetchBySsh = (environment: Record<string, string>): Promise<FetchedSource> =>
    withNix((_, tools) => {
      const ssh = `ssh -F /dev/null -o UserKnownHostsFile=${key('known_hosts')} -o IdentityFile=none -o BatchMode=yes`
      return pin(
        {
          type: 'git',
          url: `ssh://${userInfo().username}@127.0.0.1:${port}${bare}`,
          ref: 'release/25.11',
          revision: undefined,
        },
        { environment: { ...tools.environment, GIT_SSH_COMMAND: ssh, ...environment } },
      )
    })

  test('with the key that an agent has', async () => {
    await using _server = await sshd()
    await using _agent = await started('ssh-agent', ['-D', '-a', agent])
    await until(() => exists(agent))
    execFileSync('ssh-add', ['-q', key('user')], { env: { ...process.env, SSH_AUTH_SOCK: agent }, stdio: 'pipe' })
    expect(await fetchBySsh({ SSH_AUTH_SOCK: agent })).toMatchObject({
      type: 'git',
      revision: second,
      narHash: await hashOf(second),
    })
  })

  test('and without it, the user is told what ssh says', async () => {
    await using _server = await sshd()
    await expect(fetchBySsh({})).rejects.toThrow(
      /^ssh:\/\/\S+ cannot be fetched: .*Permission denied \(publickey\); add a key to the agent before this step, and the host to ~\/\.ssh\/known_hosts\.$/,
    )
  })
})
