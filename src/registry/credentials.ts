import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRecord, parseJson, record } from '../check.ts'
import { UserError } from '../error.ts'
import type { Credentials } from '../inputs/credentials.ts'
import { askCredentialHelper } from './credential-helper.ts'

/** Where credentials may come from. `dockerConfig` is the folder that `$DOCKER_CONFIG` names. */
export type CredentialSources = {
  readonly credentials: Credentials | undefined
  readonly dockerConfig: string | undefined
  /** For credential helpers. */
  readonly helperEnvironment: Readonly<Record<string, string>>
  readonly actor: string
  readonly githubToken: string | undefined
  readonly signal: AbortSignal
}

/**
 * The credentials for a registry: the inputs', else what Docker's `config.json` or a credential helper that it names has for
 * exactly this host, else for ghcr.io the workflow's token, else none. Throws a `UserError` if the file cannot be understood.
 */
export const findCredentials = async (
  registry: string,
  sources: CredentialSources,
): Promise<Credentials | undefined> => {
  const { credentials, dockerConfig, actor, githubToken } = sources
  if (credentials) return credentials
  const stored = dockerConfig
    ? await dockerCredentials(join(dockerConfig, 'config.json'), registry, sources)
    : undefined
  if (stored) return stored
  return registry === 'ghcr.io' && githubToken ? { username: actor, password: githubToken } : undefined
}

/** In Docker's order: the helper for this registry, the helper for all, the file itself. */
const dockerCredentials = async (
  file: string,
  registry: string,
  { helperEnvironment: environment, signal }: CredentialSources,
): Promise<Credentials | undefined> => {
  const { auths, credHelpers, credsStore } = await readConfig(file)
  // Docker Hub is kept under the address that Docker has used since before there were other registries.
  const names = registry === 'docker.io' ? ['https://index.docker.io/v1/', registry] : [registry, `https://${registry}`]
  const valueAt = (table: unknown): unknown =>
    names.map((name) => (isRecord(table) && Object.hasOwn(table, name) ? table[name] : undefined)).find(Boolean)
  const helper = valueAt(credHelpers) ?? credsStore
  if (typeof helper === 'string' && helper !== '') {
    const found = await askCredentialHelper(helper, names[0] ?? registry, { environment, signal })
    if (found) return found
  }
  const entry = valueAt(auths)
  if (!isRecord(entry) || typeof entry['auth'] !== 'string' || entry['auth'] === '') return undefined
  const [username = '', ...password] = Buffer.from(entry['auth'], 'base64').toString().split(':')
  return { username, password: password.join(':') }
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
