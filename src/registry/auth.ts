import { isRecord, parseJson } from '../check.ts'
import { messages, UserError } from '../error.ts'
import type { Credentials } from '../inputs/credentials.ts'
import type { Repository } from '../oci/reference.ts'
import { PassingError, RegistryError } from './error.ts'
import { exchange, type Wire } from './http.ts'
import { isTrustedRealm } from './origin.ts'
import { explainRefusal, noCredentials, notARegistry } from './refusal.ts'

/** What a registry asks for in a `WWW-Authenticate` header. */
export type Challenge = { readonly scheme: string; readonly parameters: Readonly<Record<string, string>> }

/** Source: RFC 9110, section 11.6.1. Only the first challenge is read; registries send one. */
export const parseChallenge = (header: string): Challenge | undefined => {
  const [, scheme, rest] = /^\s*([A-Za-z]+)(?:\s+(.*))?$/s.exec(header) ?? []
  if (!scheme) return undefined
  const parameters: Record<string, string> = {}
  // A second challenge in the same header would bring a realm of its own.
  for (const [, name, quoted, plain] of (rest ?? '').matchAll(/([A-Za-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g))
    if (name) parameters[name.toLowerCase()] ??= (quoted ?? plain ?? '').replaceAll(/\\(.)/g, '$1')
  return { scheme: scheme.toLowerCase(), parameters }
}

/** `secret` masks a value, and is told every form of the credentials and every token before it is used. */
export type AuthPorts = Wire & { readonly secret: (value: string) => void }

/**
 * The `Authorization` header that answers a challenge, to push to and pull from the repository. Throws a `UserError` if the credentials are missing or refused. Source: Docker registry token authentication,
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export const authorize = async (
  challenge: Challenge,
  repository: Repository,
  credentials: Credentials | undefined,
  ports: AuthPorts,
): Promise<string> => {
  if (challenge.scheme === 'basic') {
    if (!credentials) throw noCredentials(repository)
    return basic(credentials, ports)
  }
  const realm = URL.parse(challenge.parameters['realm'] ?? '')
  if (challenge.scheme !== 'bearer' || !realm)
    throw notARegistry(repository, `asks for an authorization that is not known (${challenge.scheme})`)
  if (!isTrustedRealm(repository.registry, realm))
    throw new UserError(
      `${repository.registry} asks for its credentials to be sent to ${realm.host}, which is not that registry; they were not sent.`,
    )
  realm.searchParams.set('scope', `repository:${repository.name}:pull,push`)
  const { service } = challenge.parameters
  if (service) realm.searchParams.set('service', service)
  const token = await fetchToken(realm, repository, credentials, ports)
  ports.secret(token)
  return `Bearer ${token}`
}

const fetchToken = async (
  realm: URL,
  repository: Repository,
  credentials: Credentials | undefined,
  ports: AuthPorts,
): Promise<string> => {
  const headers: Record<string, string> = credentials ? { authorization: basic(credentials, ports) } : {}
  try {
    // A redirect is not followed: it could lead the credentials anywhere.
    const { body } = await exchange({ method: 'GET', url: realm, headers, expected: [200] }, ports)
    const answer = parseJson(body.toString(), 'its answer')
    const token = isRecord(answer) ? (answer['token'] ?? answer['access_token']) : undefined
    // Source: RFC 6750, section 2.1. The message must not have what was given instead.
    if (typeof token !== 'string' || !/^[\w.~+/-]+=*$/.test(token)) throw new Error('its answer has none')
    return token
  } catch (error) {
    if (error instanceof UserError) throw error
    if (error instanceof RegistryError) throw explainRefusal(error, repository, credentials)
    throw new PassingError(
      `The token server of ${repository.registry} gives no token (${messages(error).at(-1)}); run the job again.`,
      { cause: error },
    )
  }
}

const basic = ({ username, password }: Credentials, { secret }: AuthPorts): string => {
  const encoded = Buffer.from(`${username}:${password}`).toString('base64')
  secret(password)
  secret(encoded)
  return `Basic ${encoded}`
}
