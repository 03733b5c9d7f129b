import { isRecord, parseJson } from '../lib/check.ts'
import { messages, UserError } from '../lib/error.ts'
import type { Repository } from '../oci/reference.ts'
import { isSecondaryLimit, RegistryError, TransientError } from './error.ts'
import { exchange, type HttpRequest, type Transport } from './http.ts'
import type { Credentials } from './login.ts'
import { identityToken } from './login.ts'
import { explainRefusal, noCredentials, notARegistry, refusedRealm } from './refusal.ts'
import { isTokenHost, isTrustedRealm } from './trusted-hosts.ts'

/** One way of authorization that a registry offers in a `WWW-Authenticate` header. */
export type Challenge = { readonly scheme: string; readonly parameters: Readonly<Record<string, string>> }

/**
 * Parses all challenges of a `WWW-Authenticate` header, or of several joined ones. Source: RFC 9110, section 11.6.1.
 */
export const parseChallenges = (header: string): Challenge[] => {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = []
  const words = /([\w!#$%&'*+.^`|~-]+)(\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/g
  for (const [, word = '', parameter, quoted, plain] of header.matchAll(words))
    if (parameter === undefined) challenges.push({ scheme: word.toLowerCase(), parameters: {} })
    // The first value counts: a second realm within one challenge would not be the registry's.
    else {
      const { parameters = {} } = challenges.at(-1) ?? {}
      parameters[word.toLowerCase()] ??= (quoted ?? plain ?? '').replaceAll(/\\(.)/g, '$1')
    }
  return challenges
}

/** `secret` masks a value in the log. It gets every form of the credentials, and every token, before they are used. */
export type AuthPorts = Transport & { readonly secret: (value: string) => void }

/**
 * Answers one of the challenges, a bearer one if possible, with an `Authorization` header for pushing to and pulling
 * from the repository. Throws a `UserError` if the credentials are missing, refused or must not be sent to the named
 * token server. Source: Docker registry token authentication,
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export const authorize = async (
  challenges: readonly Challenge[],
  repository: Repository,
  credentials: Credentials | undefined,
  ports: AuthPorts,
): Promise<string> => {
  const known = (name: string): Challenge | undefined => challenges.find(({ scheme }) => scheme === name)
  const challenge = known('bearer') ?? known('basic')
  if (!challenge)
    throw notARegistry(
      repository,
      `asks for an authorization that is not known (${challenges.map(({ scheme }) => scheme).join(', ')})`,
    )
  if (challenge.scheme === 'basic') {
    if (!credentials) throw noCredentials(repository)
    if (credentials.username === identityToken)
      throw new UserError(
        `${repository.registry} takes no identity token, and Docker's config.json has nothing else for it; log in again, or give \`username\` and \`password\`.`,
      )
    return basic(credentials, ports)
  }
  const realm = URL.parse(challenge.parameters['realm'] ?? '')
  if (!realm) throw notARegistry(repository, 'asks for a token without saying where from')
  const { tokenHosts = [] } = credentials ?? {}
  if (!isTrustedRealm(repository.registry, realm, tokenHosts))
    throw credentials ? refusedRealm(repository, realm) : noCredentials(repository)
  const { service } = challenge.parameters
  const wanted = { scope: `repository:${repository.name}:pull,push`, ...(service && { service }) }
  const token = await fetchToken(realm, wanted, repository, credentials, ports)
  ports.secret(token)
  return `Bearer ${token}`
}

/** Neither kind of request follows a redirect: it could lead the credentials anywhere. */
const tokenRequest = (
  realm: URL,
  wanted: Readonly<Record<string, string>>,
  credentials: Credentials | undefined,
  ports: AuthPorts,
): HttpRequest => {
  if (credentials?.username !== identityToken) {
    for (const [name, value] of Object.entries(wanted)) realm.searchParams.set(name, value)
    const headers: Record<string, string> = credentials ? { authorization: basic(credentials, ports) } : {}
    return { method: 'GET', url: realm, headers, expected: [200] }
  }
  // Source: https://distribution.github.io/distribution/spec/auth/oauth/
  ports.secret(credentials.password)
  const grant = { grant_type: 'refresh_token', client_id: 'nix-image-action', refresh_token: credentials.password }
  const body = Buffer.from(`${new URLSearchParams({ ...grant, ...wanted })}`)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url: realm, headers, body, expected: [200] }
}

/** Node's own way to look up a host, for any address. */
const nodes = (): undefined => undefined

const fetchToken = async (
  realm: URL,
  wanted: Readonly<Record<string, string>>,
  repository: Repository,
  credentials: Credentials | undefined,
  ports: AuthPorts,
): Promise<string> => {
  try {
    const request = tokenRequest(realm, wanted, credentials, ports)
    // A host that the user has named may be on a private network, as the registry itself may be. No other request may
    // use this connection, since the registry could make the run ask for more than tokens there.
    const { body } = isTokenHost(realm, credentials?.tokenHosts ?? [])
      ? await exchange(
          { ...request, headers: { ...request.headers, connection: 'close' } },
          { ...ports, lookup: nodes },
        )
      : await exchange(request, ports)
    const answer = parseJson(body.toString(), 'its answer')
    const token = isRecord(answer) ? answer['token'] || answer['access_token'] : undefined
    // Source: RFC 6750, section 2.1. The message must not quote what the server gave instead of a token.
    if (typeof token !== 'string' || !/^[\w.~+/-]+=*$/.test(token)) throw new Error('its answer has none')
    return token
  } catch (error) {
    if (error instanceof UserError) throw error
    if (error instanceof RegistryError) {
      const refusal = explainRefusal(error, repository, credentials)
      // GHCR sometimes refuses an account that has the permission, and accepts it a moment later.
      const isDenied = error.status === 403 && !isSecondaryLimit(error)
      throw isDenied ? new TransientError(refusal.message, { tries: 2, cause: error }) : refusal
    }
    throw new TransientError(
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
