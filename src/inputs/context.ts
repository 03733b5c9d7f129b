import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { CacheService } from '../cache/cache-service.ts'
import { isRecord, parseJson } from '../lib/check.ts'
import { UserError } from '../lib/error.ts'
import { type GithubServer, githubServer } from '../lib/github-server.ts'
import { type Platform, platformOfRunner } from '../oci/platform.ts'

/** The data that the runner gives to a step, except for its inputs. Folders are absolute. */
export type Context = {
  readonly workspace: string
  /** Emptied by the runner after each job. */
  readonly temporary: string
  readonly platform: Platform
  /** `owner/name`; empty outside a workflow. */
  readonly repository: string
  /** The GitHub that the workflow runs on. The workflow's token belongs to it. */
  readonly github: GithubServer
  /** The page of the repository; `undefined` outside a workflow. */
  readonly repositoryUrl: string | undefined
  /** The creation time of the image in seconds since 1970, if the job sets one. */
  readonly sourceDateEpoch: number | undefined
  readonly actor: string
  /**
   * Whether a pull request from another repository has started the run. A stranger may then have written what is built.
   */
  readonly isForkPullRequest: boolean
  /** The commit that the run is for; for a pull request, the last one of its branch. It is the default tag. */
  readonly commit: string
  /** Above 1 if somebody has started the run again, which may be days later. */
  readonly attempt: number
  readonly dockerConfig: string | undefined
  /**
   * The environment of a credential helper: the variables of child processes, and those that give it access to keyrings
   * and to its cloud.
   */
  readonly helperEnvironment: Readonly<Record<string, string>>
  /** The name of the event that started the workflow, as in `pull_request`. */
  readonly event: string
  /** Whether the run is on the default branch. All branches can read what such a run saves to the Actions cache. */
  readonly isOnDefaultBranch: boolean
  /** The workflow's `cache-mode`: `read`, `write`, `write-only` or `none`; empty if it is not given. */
  readonly cacheMode: string
  /** The Actions cache service; `undefined` outside the runner. */
  readonly cacheService: CacheService | undefined
  /** The action's own `nix/` folder. */
  readonly nixDirectory: string
  /**
   * The whole environment of a child process. It has no secrets, and nothing that evaluation or building could depend
   * on.
   */
  readonly childEnvironment: Readonly<Record<string, string>>
}

type Environment = Readonly<Record<string, string | undefined>>

/** The variables by which Nix finds files and reaches substituters. No `INPUT_*`, no token of the workflow. */
const passedOn = [
  'PATH',
  'SSH_AUTH_SOCK',
  'HOME',
  'USER',
  'TMPDIR',
  'NIX_CONF_DIR',
  'NIX_REMOTE',
  'NIX_SSL_CERT_FILE',
  'NIX_USER_CONF_FILES',
  'SSL_CERT_FILE',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_DIRS',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
]

/** The variables by which a credential helper finds `pass` and the Secret Service. */
const forKeyrings = ['DBUS_SESSION_BUS_ADDRESS', 'GNUPGHOME', 'PASSWORD_STORE_DIR', 'XDG_RUNTIME_DIR']

/**
 * The variables that `@actions/cache` reads, and those that its Node.js needs inside an image. The token is not here;
 * it is passed on separately.
 */
const forCacheService = [
  'ACTIONS_CACHE_MODE',
  'ACTIONS_CACHE_SERVICE_V2',
  'ACTIONS_CACHE_URL',
  'ACTIONS_RESULTS_URL',
  'GITHUB_SERVER_URL',
  'NIX_LD',
  'NIX_LD_LIBRARY_PATH',
  'NODE_EXTRA_CA_CERTS',
]

/**
 * Reads the environment of a step; `program` is the action's main file, in a folder of the action's root. Throws a
 * `UserError` if this is no Linux runner, or if a variable of the runner is missing or wrong.
 */
export const readContext = (environment: Environment, program: string): Context => {
  const { RUNNER_OS, RUNNER_ARCH, RUNNER_TEMP, GITHUB_WORKSPACE, HOME } = environment
  const platform = platformOfRunner(RUNNER_OS, RUNNER_ARCH)
  if (!platform)
    throw new UserError(
      `nix-image-action runs on Linux on x64 and arm64, not on ${RUNNER_OS ?? 'an unknown system'} ${RUNNER_ARCH ?? ''}; write \`runs-on: ubuntu-latest\` or \`ubuntu-24.04-arm\`.`,
    )
  if (!RUNNER_TEMP || !GITHUB_WORKSPACE)
    throw new UserError(
      'RUNNER_TEMP and GITHUB_WORKSPACE are not set; nix-image-action runs as a step of a GitHub Actions job.',
    )
  const github = githubServer(environment['GITHUB_SERVER_URL'] ?? '')
  const pullRequest = pullRequestOf(environment)
  return {
    workspace: GITHUB_WORKSPACE,
    temporary: RUNNER_TEMP,
    platform,
    repository: environment['GITHUB_REPOSITORY'] ?? '',
    github,
    repositoryUrl: environment['GITHUB_REPOSITORY'] ? `${github.url}/${environment['GITHUB_REPOSITORY']}` : undefined,
    sourceDateEpoch: readEpoch(environment['SOURCE_DATE_EPOCH']),
    actor: environment['GITHUB_ACTOR'] || 'github-actions',
    isForkPullRequest: isForkPullRequest(environment, pullRequest),
    commit: headCommit(pullRequest) ?? environment['GITHUB_SHA'] ?? '',
    attempt: Number(environment['GITHUB_RUN_ATTEMPT']) || 1,
    dockerConfig: environment['DOCKER_CONFIG'] || (HOME ? join(HOME, '.docker') : undefined),
    event: environment['GITHUB_EVENT_NAME'] ?? '',
    isOnDefaultBranch: isOnDefaultBranch(environment),
    cacheMode: (environment['ACTIONS_CACHE_MODE'] ?? '').trim().toLowerCase(),
    cacheService: cacheService(environment, program),
    nixDirectory: join(program, '..', '..', 'nix'),
    helperEnvironment: only(
      [
        ...[...passedOn, ...forKeyrings],
        ...Object.keys(environment).filter((name) => /^(AWS|AZURE|CLOUDSDK|DOCKER|GOOGLE)_/.test(name)),
      ],
      environment,
    ),
    childEnvironment: only(
      passedOn,
      isWithin(environment['XDG_CACHE_HOME'], GITHUB_WORKSPACE)
        ? { ...environment, XDG_CACHE_HOME: undefined }
        : environment,
    ),
  }
}

/** An image can name only years of four digits. Source: https://reproducible-builds.org/specs/source-date-epoch/ */
const lastSecond = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000

const readEpoch = (text: string | undefined): number | undefined => {
  if (!text) return undefined
  if (/^\d{1,12}$/.test(text) && Number(text) <= lastSecond) return Number(text)
  throw new UserError(
    `SOURCE_DATE_EPOCH is ${JSON.stringify(text)}; set it to seconds since 1970, as \`git log -1 --format=%ct\` prints them.`,
  )
}

/** Nix runs git in the repositories of its cache. A checkout could have repositories there that run any program. */
const isWithin = (path: string | undefined, folder: string): boolean =>
  path !== undefined && `${resolve(path)}/`.startsWith(`${resolve(folder)}/`)

const only = (names: readonly string[], environment: Environment): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )

const cacheService = (environment: Environment, program: string): CacheService | undefined => {
  const { ACTIONS_CACHE_URL, ACTIONS_RESULTS_URL, ACTIONS_RUNTIME_TOKEN: token } = environment
  if (!token || !(ACTIONS_RESULTS_URL || ACTIONS_CACHE_URL)) return undefined
  return { program, token, environment: only(forCacheService, environment) }
}

/** A schedule always runs on the default branch, and its event does not name that branch. */
const isOnDefaultBranch = ({ GITHUB_EVENT_NAME, GITHUB_EVENT_PATH, GITHUB_REF }: Environment): boolean => {
  if (GITHUB_EVENT_NAME === 'schedule') return true
  if (!GITHUB_REF || !GITHUB_EVENT_PATH) return false
  const branch = field(field(readEvent(GITHUB_EVENT_PATH), 'repository'), 'default_branch')
  return GITHUB_REF === `refs/heads/${branch}`
}

const field = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined)

/** Source: the webhook payload of `pull_request`, https://docs.github.com/en/webhooks/webhook-events-and-payloads */
const pullRequestOf = ({ GITHUB_EVENT_NAME = '', GITHUB_EVENT_PATH }: Environment): unknown =>
  GITHUB_EVENT_NAME.startsWith('pull_request') && GITHUB_EVENT_PATH
    ? field(readEvent(GITHUB_EVENT_PATH), 'pull_request')
    : undefined

const headCommit = (pullRequest: unknown): string | undefined => {
  const sha = field(field(pullRequest, 'head'), 'sha')
  return typeof sha === 'string' ? sha : undefined
}

/**
 * Recognises forks in all `pull_request…` events, and in `workflow_run` after such an event. The payload of
 * `issue_comment` and similar events does not name the repository of a pull request. Source: the webhook payloads of
 * these events.
 */
const isForkPullRequest = (
  { GITHUB_EVENT_NAME = '', GITHUB_EVENT_PATH, GITHUB_REPOSITORY }: Environment,
  pullRequest: unknown,
): boolean => {
  const isHere = (repository: unknown): boolean => {
    // If the fork was deleted, the payload has no repository.
    const name = field(repository, 'full_name')
    return typeof name === 'string' && name === GITHUB_REPOSITORY
  }
  if (GITHUB_EVENT_NAME.startsWith('pull_request')) return !isHere(field(field(pullRequest, 'head'), 'repo'))
  if (GITHUB_EVENT_NAME !== 'workflow_run') return false
  const event = GITHUB_EVENT_PATH ? readEvent(GITHUB_EVENT_PATH) : undefined
  return !isHere(field(field(event, 'workflow_run'), 'head_repository'))
}

const readEvent = (file: string): unknown => {
  try {
    return parseJson(readFileSync(file, 'utf8'), file)
  } catch (cause) {
    throw new UserError(
      `GITHUB_EVENT_PATH is ${file}, which is not the JSON of an event; leave it as the runner sets it.`,
      { cause },
    )
  }
}
