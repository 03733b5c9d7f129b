import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { need, output } from './process.ts'

/** An account: a password, and the actions (`pull`, `push`) that its user may ask for. */
export type Account = { readonly password: string; readonly actions: readonly string[] }

/** `settings` goes into docker-registry's configuration, under `auth.token`. */
export type TokenServer = AsyncDisposable & { readonly settings: Readonly<Record<string, string>> }

type Access = { readonly type: string; readonly name: string; readonly actions: readonly string[] }

const issuer = 'test-issuer'
const service = 'test-registry'
/** In seconds: how long docker-registry accepts a token after it has expired. */
const leeway = 60

/**
 * Starts a server for registry tokens on loopback, in this process. It makes its key and certificate in `folder`. A
 * token is valid for `lifetime` seconds. Like ghcr.io, it answers 401 to unknown users and 403 DENIED to users who ask
 * for more than they may. Source: Docker registry token authentication,
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export const startTokenServer = async (
  folder: string,
  accounts: Readonly<Record<string, Account>>,
  lifetime = 300,
): Promise<TokenServer> => {
  const keyFile = join(folder, 'token-key.pem')
  const certificateFile = join(folder, 'token-certificate.pem')
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', keyFile, '-out', certificateFile]
  await output(need('openssl', 'openssl'), ['req', '-x509', ...curve, ...files, '-days', '2', '-subj', `/CN=${issuer}`])
  const key = createPrivateKey(await readFile(keyFile))
  const x5c = [new X509Certificate(await readFile(certificateFile)).raw.toString('base64')]

  const token = (subject: string, access: readonly Access[]): string => {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer,
      sub: subject,
      aud: service,
      iat: now - 2 * leeway,
      nbf: now - 2 * leeway,
      exp: now + lifetime - leeway,
    }
    const parts = [
      { typ: 'JWT', alg: 'ES256', x5c },
      { ...claims, jti: randomUUID(), access },
    ]
    const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
    return `${signed}.${signature.toString('base64url')}`
  }

  const answer = (url: URL, authorization: string): { status: number; body: unknown } => {
    const [username = '', password] = Buffer.from(authorization.replace(/^Basic /i, ''), 'base64')
      .toString()
      .split(':')
    const account = Object.hasOwn(accounts, username) ? accounts[username] : undefined
    if (account?.password !== password) return refusal(401, 'UNAUTHORIZED', 'authentication required')
    const access = url.searchParams.getAll('scope').flatMap(parseScopes)
    if (access.some(({ actions }) => actions.some((action) => !account?.actions.includes(action))))
      return refusal(403, 'DENIED', 'requested access to the resource is denied')
    return { status: 200, body: { token: token(username, access), expires_in: lifetime } }
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const isKnown = request.method === 'GET' && url.pathname === '/token'
    const { status, body } = isKnown
      ? answer(url, request.headers.authorization ?? '')
      : // Clients that try OAuth2's POST first fall back to GET at this status.
        refusal(405, 'UNSUPPORTED', 'only GET /token is served')
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    settings: {
      realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
      service,
      issuer,
      rootcertbundle: certificateFile,
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const parseScopes = (scopes: string): Access[] =>
  scopes.split(' ').flatMap((scope) => {
    const [, type, name, actions] = /^([a-z]+):(.+):([a-z,*]+)$/.exec(scope) ?? []
    return type && name && actions ? [{ type, name, actions: actions.split(',') }] : []
  })

const refusal = (status: number, code: string, message: string) => ({ status, body: { errors: [{ code, message }] } })
