import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Context, readContext } from '../../src/inputs/context.ts'
import { UserError } from '../../src/lib/error.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Environment = Record<string, string | undefined>

const runner: Environment = {
  RUNNER_OS: 'Linux',
  RUNNER_ARCH: 'X64',
  RUNNER_TEMP: '/home/runner/work/_temp',
  GITHUB_WORKSPACE: '/home/runner/work/name/name',
  GITHUB_REPOSITORY: 'Owner/Name',
  GITHUB_ACTOR: 'somebody',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
  GITHUB_RUN_ATTEMPT: '2',
  HOME: '/home/runner',
  PATH: '/usr/bin:/bin',
}

const read = (environment: Environment = {}): Context =>
  readContext({ ...runner, ...environment }, '/action/dist/index.js')

test('what the runner tells is read', () => {
  expect(read()).toEqual({
    workspace: '/home/runner/work/name/name',
    temporary: '/home/runner/work/_temp',
    platform: 'linux/amd64',
    repository: 'Owner/Name',
    github: { url: 'https://github.com', registry: 'ghcr.io' },
    repositoryUrl: 'https://github.com/Owner/Name',
    sourceDateEpoch: undefined,
    actor: 'somebody',
    isForkPullRequest: false,
    commit: '0123456789abcdef0123456789abcdef01234567',
    attempt: 2,
    dockerConfig: '/home/runner/.docker',
    helperEnvironment: { PATH: '/usr/bin:/bin', HOME: '/home/runner' },
    event: 'push',
    isOnDefaultBranch: false,
    cacheMode: '',
    cacheService: undefined,
    nixDirectory: '/action/nix',
    childEnvironment: { PATH: '/usr/bin:/bin', HOME: '/home/runner' },
  })
})

test('the repository is on the server that the runner names', () => {
  const { github, repositoryUrl } = read({ GITHUB_SERVER_URL: 'https://github.example.org/' })
  expect(github.registry).toBe('containers.github.example.org')
  expect(repositoryUrl).toBe('https://github.example.org/Owner/Name')
})

describe('SOURCE_DATE_EPOCH', () => {
  test.each([
    ['0', 0],
    ['1735689600', 1735689600],
    ['253402300799', 253402300799],
    ['', undefined],
  ])('%j is a time in seconds: %j', (SOURCE_DATE_EPOCH, seconds) => {
    expect(read({ SOURCE_DATE_EPOCH }).sourceDateEpoch).toBe(seconds)
  })

  test.each(['-1', '1.5', '2025-01-01', '253402300800', 'now'])('%j is refused', (SOURCE_DATE_EPOCH) => {
    expect(() => read({ SOURCE_DATE_EPOCH })).toThrow(
      new UserError(
        `SOURCE_DATE_EPOCH is "${SOURCE_DATE_EPOCH}"; set it to seconds since 1970, as \`git log -1 --format=%ct\` prints them.`,
      ),
    )
  })
})

test('outside a workflow, nobody acts, there is no repository and no commit, and it is the first attempt', () => {
  const { actor, repository, repositoryUrl, commit, attempt } = read({
    GITHUB_ACTOR: undefined,
    GITHUB_REPOSITORY: undefined,
    GITHUB_SHA: undefined,
    GITHUB_RUN_ATTEMPT: undefined,
  })
  expect({ actor, repository, repositoryUrl, commit, attempt }).toEqual({
    actor: 'github-actions',
    repository: '',
    repositoryUrl: undefined,
    commit: '',
    attempt: 1,
  })
})

test('a pull request is about its last commit, and not about the merge that the runner has made', async () => {
  await using folder = await temporaryFolder('context')
  const GITHUB_EVENT_PATH = join(folder.path, 'event.json')
  await writeFile(GITHUB_EVENT_PATH, JSON.stringify({ pull_request: { head: { sha: 'abc' } } }))
  expect(read({ GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH }).commit).toBe('abc')
})

test.each<[string, Environment, string | undefined]>([
  ['where DOCKER_CONFIG says', { DOCKER_CONFIG: '/srv/docker' }, '/srv/docker'],
  ['in the home folder', {}, '/home/runner/.docker'],
  ['in the home folder where DOCKER_CONFIG is empty', { DOCKER_CONFIG: '' }, '/home/runner/.docker'],
  ['nowhere without a home folder', { HOME: undefined }, undefined],
])('Docker’s configuration is %s', (_, environment, folder) => {
  expect(read(environment).dockerConfig).toBe(folder)
})

describe('images are built on', () => {
  test.each([
    ['X64', 'linux/amd64'],
    ['ARM64', 'linux/arm64'],
  ])('a Linux runner on %s', (RUNNER_ARCH, platform) => {
    expect(read({ RUNNER_ARCH }).platform).toBe(platform)
  })

  test.each([
    ['Windows', 'X64'],
    ['macOS', 'ARM64'],
    ['Linux', 'ARM'],
  ])('no runner with %s on %s, and the user is told what to write', (RUNNER_OS, RUNNER_ARCH) => {
    expect(() => read({ RUNNER_OS, RUNNER_ARCH })).toThrow(
      new UserError(
        `nix-image-action runs on Linux on x64 and arm64, not on ${RUNNER_OS} ${RUNNER_ARCH}; write \`runs-on: ubuntu-latest\` or \`ubuntu-24.04-arm\`.`,
      ),
    )
  })

  test.each(['RUNNER_TEMP', 'GITHUB_WORKSPACE'])('no machine that does not set %s', (name) => {
    for (const value of [undefined, ''])
      expect(() => read({ [name]: value })).toThrow(
        new UserError(
          'RUNNER_TEMP and GITHUB_WORKSPACE are not set; nix-image-action runs as a step of a GitHub Actions job.',
        ),
      )
  })
})

describe('a pull request from a fork', () => {
  const headRepository = (full_name: string): unknown => ({ pull_request: { head: { repo: { full_name } } } })

  const afterRunOf = (full_name: string): unknown => ({ workflow_run: { head_repository: { full_name } } })

  test.each<[string, string, unknown, boolean]>([
    ['is one whose head is in another repository', 'pull_request', headRepository('Somebody/Name'), true],
    ['is one when somebody reviews it', 'pull_request_review', headRepository('Somebody/Name'), true],
    ['is one whose head repository was deleted', 'pull_request', { pull_request: { head: { repo: null } } }, true],
    ['is none with its head in the repository', 'pull_request', headRepository('Owner/Name'), false],
    [
      'is one when somebody comments on its files',
      'pull_request_review_comment',
      headRepository('Somebody/Name'),
      true,
    ],
    ['is one that runs with the rights of its target', 'pull_request_target', headRepository('Somebody/Name'), true],
    ['is none of its own with the rights of its target', 'pull_request_target', headRepository('Owner/Name'), false],
    ['is one of which nothing is told', 'pull_request_target', {}, true],
    ['is one after which a workflow runs', 'workflow_run', afterRunOf('Somebody/Name'), true],
    ['is one whose deleted fork a workflow ran for', 'workflow_run', { workflow_run: { head_repository: null } }, true],
    ['is none after a run of the repository itself', 'workflow_run', afterRunOf('Owner/Name'), false],
    ['is not told by a comment', 'issue_comment', { issue: { pull_request: { url: 'https://x' } } }, false],
    ['is no push', 'push', { repository: { full_name: 'Owner/Name' } }, false],
    ['is no manual run', 'workflow_dispatch', {}, false],
  ])('%s', async (_, GITHUB_EVENT_NAME, event, isForkPullRequest) => {
    await using folder = await temporaryFolder('context')
    const GITHUB_EVENT_PATH = join(folder.path, 'event.json')
    await writeFile(GITHUB_EVENT_PATH, JSON.stringify(event))
    expect(read({ GITHUB_EVENT_NAME, GITHUB_EVENT_PATH }).isForkPullRequest).toBe(isForkPullRequest)
  })

  test.each(['pull_request', 'pull_request_target', 'workflow_run'])('is what %s without a payload is', (event) => {
    expect(read({ GITHUB_EVENT_NAME: event }).isForkPullRequest).toBe(true)
  })

  test('is not guessed from a file that is no JSON', async () => {
    await using folder = await temporaryFolder('context')
    const GITHUB_EVENT_PATH = join(folder.path, 'event.json')
    await writeFile(GITHUB_EVENT_PATH, '{')
    expect(() => read({ GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH })).toThrow(
      `GITHUB_EVENT_PATH is ${GITHUB_EVENT_PATH}, which is not the JSON of an event; leave it as the runner sets it.`,
    )
  })
})

describe('the Actions cache service', () => {
  const service = {
    ACTIONS_CACHE_SERVICE_V2: 'true',
    ACTIONS_RESULTS_URL: 'https://results.example.org/',
    ACTIONS_RUNTIME_TOKEN: 'secret',
    GITHUB_SERVER_URL: 'https://github.com',
  }

  test('is where the runner says', () => {
    const { ACTIONS_RUNTIME_TOKEN: token, ...environment } = service
    expect(read(service).cacheService).toEqual({ program: '/action/dist/index.js', token, environment })
  })

  test.each(['ACTIONS_RESULTS_URL', 'ACTIONS_RUNTIME_TOKEN'])('is not there without %s', (name) => {
    expect(read({ ...service, [name]: undefined }).cacheService).toBe(undefined)
  })
})

describe('a child process', () => {
  const passedOn = {
    PATH: '/usr/bin',
    HOME: '/home/runner',
    USER: 'runner',
    TMPDIR: '/tmp',
    NIX_CONF_DIR: '/etc/nix',
    NIX_REMOTE: 'daemon',
    NIX_SSL_CERT_FILE: '/certificates',
    NIX_USER_CONF_FILES: '/home/runner/nix.conf',
    SSL_CERT_FILE: '/certificates',
    XDG_CONFIG_HOME: '/home/runner/.config',
    https_proxy: 'http://proxy:3128',
    HTTPS_PROXY: 'http://proxy:3128',
    no_proxy: 'localhost',
  }

  test('sees where things are and how to reach substituters', () => {
    expect(read(passedOn).childEnvironment).toEqual(passedOn)
  })

  test.each<[string, string | undefined]>([
    ['/home/runner/work/repo/repo/.cache', undefined],
    ['/home/runner/work/repo/repo/../repo', undefined],
    ['/home/runner/work/repo/repo-cache', '/home/runner/work/repo/repo-cache'],
    ['/home/runner/.cache', '/home/runner/.cache'],
  ])('with the cache in %s has it in %s: clones that a checkout brings along are not used', (folder, seen) => {
    const environment = { GITHUB_WORKSPACE: '/home/runner/work/repo/repo', XDG_CACHE_HOME: folder }
    expect(read(environment).childEnvironment['XDG_CACHE_HOME']).toBe(seen)
  })

  test('sees no secret, and nothing that a build could depend on', () => {
    const hidden = {
      INPUT_PASSWORD: 'secret',
      'INPUT_GITHUB-TOKEN': 'secret',
      'INPUT_CACHE-SIGNING-KEY': 'secret',
      GITHUB_TOKEN: 'secret',
      GH_TOKEN: 'secret',
      GITHUB_SHA: '0123',
      GITHUB_EVENT_PATH: '/event.json',
      ACTIONS_RUNTIME_TOKEN: 'secret',
      ACTIONS_CACHE_URL: 'https://example.org/',
      ACTIONS_RESULTS_URL: 'https://example.org/',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret',
      RUNNER_TOKEN: 'secret',
      NIX_PATH: 'nixpkgs=/home/runner/nixpkgs',
      NIXPKGS_ALLOW_UNFREE: '1',
      NIXPKGS_CONFIG: '/home/runner/config.nix',
      LC_ALL: 'de_DE.UTF-8',
      TZ: 'Asia/Tokyo',
      AWS_SECRET_ACCESS_KEY: 'secret',
    }
    const seen = Object.keys(read({ ...hidden, ...passedOn }).childEnvironment)
    expect(seen.toSorted()).toEqual(Object.keys(passedOn).toSorted())
  })
})

test('a credential helper also sees how its cloud knows who is asking, and no token of the workflow', () => {
  const seen = {
    AWS_REGION: 'eu-west-1',
    AWS_SESSION_TOKEN: 'x',
    GOOGLE_APPLICATION_CREDENTIALS: '/key',
    DOCKER_CONFIG: '/d',
    PASSWORD_STORE_DIR: '/p',
    GNUPGHOME: '/g',
    XDG_RUNTIME_DIR: '/run/user/1001',
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/1001/bus',
  }
  const { helperEnvironment, childEnvironment } = read({
    ...seen,
    GITHUB_TOKEN: 'x',
    ACTIONS_RUNTIME_TOKEN: 'x',
    INPUT_PASSWORD: 'x',
  })
  expect(helperEnvironment).toEqual({ ...childEnvironment, ...seen })
})
