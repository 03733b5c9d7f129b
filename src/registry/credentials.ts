import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRecord, parseJson, record } from '../lib/check.ts'
import { UserError } from '../lib/error.ts'
import type { GithubServer } from '../lib/github-server.ts'
import type { Repository } from '../oci/reference.ts'
import { askCredentialHelper } from './credential-helper.ts'
import type { Credentials } from './login.ts'
import { identityToken } from './login.ts'

/** The possible sources of credentials. `dockerConfig` is the folder that `$DOCKER_CONFIG` names. */
export type CredentialSources = {
  readonly credentials: Credentials | undefined
  readonly dockerConfig: string | undefined
  /** Hosts that may get the credentials too, but not the workflow's token. */
  readonly tokenHosts: readonly string[]
  /** The environment of credential helpers. */
  readonly helperEnvironment: Readonly<Record<string, string>>
  readonly actor: string
  readonly githubToken: string | undefined
  /** The GitHub server that the token is for. */
  readonly github: Pick<GithubServer, 'registry'>
  readonly signal: AbortSignal
}

/**
 * Finds the credentials for a registry. They come from the inputs, else from Docker's `config.json` or a credential
 * helper that it names, for exactly this host or a part of it. For the registry of the workflow's GitHub server, the
 * workflow's token comes last. Returns `undefined` if there are none. Throws a `UserError` if the file cannot be
 * understood.
 */
export const findCredentials = async (
  repository: Repository,
  sources: CredentialSources,
): Promise<Credentials | undefined> => {
  const { registry } = repository
  const { credentials, dockerConfig, tokenHosts, actor, githubToken, github } = sources
  const stored =
    credentials ??
    (dockerConfig ? await dockerCredentials(join(dockerConfig, 'config.json'), repository, sources) : undefined)
  if (stored) return tokenHosts.length === 0 ? stored : { ...stored, tokenHosts }
  return registry === github.registry && githubToken ? { username: actor, password: githubToken } : undefined
}

/** In Docker's order: the helper for this registry, the helper for all registries, the file itself. */
const dockerCredentials = async (
  file: string,
  { registry, name }: Repository,
  { helperEnvironment: environment, signal }: CredentialSources,
): Promise<Credentials | undefined> => {
  const { auths, credHelpers, credsStore } = await readConfig(file)
  // Docker stores the credentials for Docker Hub under an address that is older than other registries.
  const hosts = registry === 'docker.io' ? ['https://index.docker.io/v1/', 'index.docker.io', registry] : [registry]
  const words = name.split('/')
  const names = [
    // Podman and skopeo can also log in to a part of a registry; the most specific entry counts.
    ...words.map((_, index) => [registry, ...words.slice(0, words.length - index)].join('/')),
    ...hosts.flatMap((host) => [host, ...['', '/', '/v1/', '/v2/'].map((path) => `https://${host}${path}`)]),
  ]
  const valueAt = (table: unknown): unknown =>
    names.map((name) => (isRecord(table) && Object.hasOwn(table, name) ? table[name] : undefined)).find(Boolean)
  const helper = valueAt(credHelpers) ?? credsStore
  if (typeof helper === 'string' && helper !== '') {
    const found = await askCredentialHelper(helper, hosts[0] ?? registry, { environment, signal })
    if (found) return found
  }
  const entry = valueAt(auths)
  return isRecord(entry) ? storedCredentials(entry) : undefined
}

/**
 * An entry of `auths`. Docker pads the password with zeros. Source: the code with which Docker and Podman read the
 * file.
 */
const storedCredentials = (entry: Record<string, unknown>): Credentials | undefined => {
  const text = (name: string): string => (typeof entry[name] === 'string' ? entry[name] : '')
  if (text('identitytoken')) return { username: identityToken, password: text('identitytoken') }
  const [username = '', ...rest] = Buffer.from(text('auth'), 'base64').toString().split(':')
  const password = rest.join(':').replace(/\0+$/, '')
  if (username && password) return { username, password }
  return text('username') && text('password') ? { username: text('username'), password: text('password') } : undefined
}

const readConfig = async (file: string): Promise<Record<string, unknown>> => {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}'
    throw new UserError(
      `${file} cannot be read (${error.code}); log in with docker/login-action, or give \`username\` and \`password\`.`,
    )
  })
  try {
    return record(parseJson(text, file), file)
  } catch (cause) {
    throw new UserError(`${file} is not a Docker configuration; log in again, or give \`username\` and \`password\`.`, {
      cause,
    })
  }
}
