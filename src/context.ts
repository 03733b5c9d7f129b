import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRecord, parseJson } from './check.ts'
import { UserError } from './error.ts'
import { type Platform, platformOfRunner } from './oci/platform.ts'

/** What the runner tells a step, besides its inputs. Folders are absolute. */
export type Context = {
  readonly workspace: string
  /** Emptied by the runner after each job. */
  readonly temporary: string
  readonly platform: Platform
  /** `owner/name`; empty outside a workflow. */
  readonly repository: string
  readonly actor: string
  /** A pull request from another repository, whose token can read but not write. */
  readonly isForkPullRequest: boolean
  /** What the run is about: of a pull request, its last commit. Tags are this by default. */
  readonly commit: string
  /** Above 1 where somebody has run it again, which may be days later. */
  readonly attempt: number
  readonly dockerConfig: string | undefined
  /** What a credential helper gets to see: beside the above, how its cloud knows who is asking. */
  readonly helperEnvironment: Readonly<Record<string, string>>
  /** The action's own `nix/` folder. */
  readonly nixDirectory: string
  /** All that a child process gets to see; nothing secret, and nothing that evaluation or building could depend on. */
  readonly childEnvironment: Readonly<Record<string, string>>
}

type Environment = Readonly<Record<string, string | undefined>>

/** What Nix reads: where to find things, how to reach substituters. No `INPUT_*`, no token of the workflow's. */
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

/** Reads the environment of a step; `actionDirectory` is the action's root. Throws a `UserError` if this is no Linux runner. */
export const readContext = (environment: Environment, actionDirectory: string): Context => {
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
  const pullRequest = pullRequestOf(environment)
  return {
    workspace: GITHUB_WORKSPACE,
    temporary: RUNNER_TEMP,
    platform,
    repository: environment['GITHUB_REPOSITORY'] ?? '',
    actor: environment['GITHUB_ACTOR'] || 'github-actions',
    isForkPullRequest: isForkPullRequest(environment, pullRequest),
    commit: headCommit(pullRequest) ?? environment['GITHUB_SHA'] ?? '',
    attempt: Number(environment['GITHUB_RUN_ATTEMPT']) || 1,
    dockerConfig: environment['DOCKER_CONFIG'] || (HOME ? join(HOME, '.docker') : undefined),
    nixDirectory: join(actionDirectory, 'nix'),
    helperEnvironment: only(
      environment,
      (name) => passedOn.includes(name) || /^(AWS|AZURE|CLOUDSDK|DOCKER|GOOGLE)_/.test(name),
    ),
    childEnvironment: only(environment, (name) => passedOn.includes(name)),
  }
}

/** Events whose token can only read where they come from a fork. */
const withReadOnlyToken = ['pull_request', 'pull_request_review', 'pull_request_review_comment']

const only = (environment: Environment, isWanted: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => isWanted(entry[0]) && entry[1] !== undefined,
    ),
  )

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

const isForkPullRequest = ({ GITHUB_EVENT_NAME, GITHUB_REPOSITORY }: Environment, pullRequest: unknown): boolean =>
  pullRequest !== undefined &&
  withReadOnlyToken.includes(GITHUB_EVENT_NAME ?? '') &&
  // Where the fork was deleted, the payload has no repository.
  field(field(field(pullRequest, 'head'), 'repo'), 'full_name') !== GITHUB_REPOSITORY

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
