import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRecord, parseJson, record } from '../check.ts'
import { UserError } from '../error.ts'
import type { Credentials } from '../inputs/credentials.ts'

/** Where credentials may come from. `dockerConfig` is the folder that `$DOCKER_CONFIG` names. */
export type CredentialSources = {
  readonly credentials: Credentials | undefined
  readonly dockerConfig: string | undefined
  readonly actor: string
  readonly githubToken: string | undefined
}

/**
 * The credentials for a registry: the inputs', else the entry of exactly this host in Docker's `config.json`, else for
 * ghcr.io the workflow's token, else none. Throws a `UserError` if the file cannot be understood.
 */
export const findCredentials = async (
  registry: string,
  { credentials, dockerConfig, actor, githubToken }: CredentialSources,
): Promise<Credentials | undefined> => {
  if (credentials) return credentials
  const stored = dockerConfig ? await dockerCredentials(join(dockerConfig, 'config.json'), registry) : undefined
  if (stored) return stored
  return registry === 'ghcr.io' && githubToken ? { username: actor, password: githubToken } : undefined
}

const dockerCredentials = async (file: string, registry: string): Promise<Credentials | undefined> => {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}'
    throw new UserError(
      `${file} cannot be read (${error.code}); log in with docker/login-action, or give \`username\` and \`password\`.`,
    )
  })
  let auths: unknown
  try {
    auths = record(parseJson(text, file), file)['auths']
  } catch (cause) {
    throw new UserError(`${file} is not a Docker configuration; log in again, or give \`username\` and \`password\`.`, {
      cause,
    })
  }
  // Docker Hub is kept under the address that Docker has used since before there were other registries.
  const names = registry === 'docker.io' ? [registry, 'https://index.docker.io/v1/'] : [registry, `https://${registry}`]
  const entry = isRecord(auths) ? names.map((name) => auths[name]).find(isRecord) : undefined
  if (typeof entry?.['auth'] !== 'string') return undefined
  const [username = '', ...password] = Buffer.from(entry['auth'], 'base64').toString().split(':')
  return { username, password: password.join(':') }
}
