import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Daemon, startDaemon } from './daemon.ts'
import { need } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { startTokenServer } from './token-server.ts'

/** One line of the registry's access log; `path` includes the query. */
type RegistryRequest = { readonly method: string; readonly path: string; readonly status: number }

/** A running registry. `username` may push. A registry without authentication ignores the credentials. */
export type Registry = AsyncDisposable & {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly username: string
  readonly password: string
  /** The requests of clients so far, in the order of the answers, without those of this file. */
  requests(): RegistryRequest[]
  /** Ends the registry and removes everything that it holds. */
  stop(): Promise<void>
}

/** `tokenLifetime` is in seconds. */
export type RegistryOptions = { readonly auth?: 'basic' | 'token'; readonly tokenLifetime?: number }

const username = 'pusher'
const password = 'push-password'
// From `htpasswd -nbBC 4 pusher push-password`.
const passwordFile = `${username}:$2b$04$EvWoZ5frw5M8rtbK7xVRZ.H9nl/JOHEQDSZjWcM5F5XO6bqN3m0PO\n`

/** A user of registries with `auth: 'token'` who may pull, and gets 403 DENIED for a request to push. */
export const reader = { username: 'reader', password: 'read-password' } as const

const accounts = {
  [username]: { password, actions: ['*', 'delete', 'pull', 'push'] },
  [reader.username]: { password: reader.password, actions: ['pull'] },
}

const userAgent = 'test-support'

/**
 * Starts Debian's docker-registry on a free loopback port, without authentication or with basic or token
 * authentication. Throws an `Error` if it is not installed or does not start.
 */
export const startRegistry = async ({ auth, tokenLifetime }: RegistryOptions = {}): Promise<Registry> => {
  const program = need('docker-registry', 'docker-registry')
  await using starting = new AsyncDisposableStack()
  const folder = starting.use(await temporaryFolder('registry')).path
  const configFile = join(folder, 'config.json')
  const configuration = {
    version: '0.1',
    log: { level: 'info', formatter: 'json' },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    // The system picks the port, so that registries of test files that run at the same time cannot collide.
    http: { addr: '127.0.0.1:0' },
    ...(auth === 'basic' && { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
    ...(auth === 'token' && {
      auth: { token: starting.use(await startTokenServer(folder, accounts, tokenLifetime)).settings },
    }),
  }
  await writeFile(join(folder, 'htpasswd'), passwordFile)
  await writeFile(configFile, JSON.stringify(configuration))
  const daemon = await startDaemon(program, ['serve', configFile], {
    logs: join(folder, 'logs'),
    env: {},
    ready: async (starting) => {
      const host = listeningOn(starting)
      return host !== undefined && (await isAnswering(host))
    },
  })
  starting.defer(daemon.stop)
  const host = listeningOn(daemon) ?? ''
  const running = starting.move()
  const stop = () => running.disposeAsync()
  return {
    host,
    username,
    password,
    requests: () => parseAccessLog(daemon.stdout()),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

const listeningOn = (daemon: Daemon): string | undefined =>
  /"listening on (127\.0\.0\.1:\d+)"/.exec(daemon.stderr())?.[1]

const isAnswering = async (host: string): Promise<boolean> => {
  const response = await fetch(`http://${host}/v2/`, { headers: { 'user-agent': userAgent } }).catch(() => undefined)
  return response?.status === 200 || response?.status === 401
}

/** Apache's "combined" format: `address - user [time] "GET /v2/ HTTP/1.1" 200 2 "referrer" "user agent"`. */
const parseAccessLog = (log: string): RegistryRequest[] =>
  log.split('\n').flatMap((line) => {
    const [, method, path, status, agent] =
      /^\S+ - \S+ \[[^\]]+\] "([A-Z]+) (\S+) [^"]*" (\d{3}) \d+ "[^"]*" "(.*)"$/.exec(line) ?? []
    return method && path && agent !== userAgent ? [{ method, path, status: Number(status) }] : []
  })

/** The digest of the bytes that the registry serves for a tag; `undefined` if it has no such tag. */
export const manifestDigest = async (
  registry: Registry,
  repository: string,
  tag: string,
): Promise<string | undefined> => {
  const response = await ask(registry, `/v2/${repository}/manifests/${tag}`, {
    accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
  })
  if (!response) return undefined
  const bytes = new Uint8Array(await response.arrayBuffer())
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The tags of a repository, sorted by code unit; none if the repository does not exist. */
export const tags = async (registry: Registry, repository: string): Promise<string[]> => {
  const response = await ask(registry, `/v2/${repository}/tags/list`, {})
  const answer = (await response?.json()) as { tags: string[] | null } | undefined
  return (answer?.tags ?? []).sort()
}

/** Deletes a blob from the registry; manifests may still name it. */
export const deleteBlob = async (registry: Registry, repository: string, digest: string): Promise<void> => {
  await ask(registry, `/v2/${repository}/blobs/${digest}`, {}, 'DELETE')
}

/** Resolves to `undefined` for 404, and throws an `Error` for all other refusals. */
const ask = async (
  registry: Registry,
  path: string,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
): Promise<Response | undefined> => {
  const url = `http://${registry.host}${path}`
  const named = { ...headers, 'user-agent': userAgent }
  let response = await fetch(url, { method, headers: named })
  if (response.status === 401) {
    const authorization = await authorize(registry, response.headers.get('www-authenticate') ?? '')
    response = await fetch(url, { method, headers: { ...named, authorization } })
  }
  if (response.status === 404) return undefined
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return response
}

const authorize = async (credentials: Registry, challenge: string): Promise<string> => {
  const basic = `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
  const { realm, service, scope } = Object.fromEntries(
    [...challenge.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  )
  if (challenge.startsWith('Basic')) return basic
  const response = await fetch(`${realm}?${new URLSearchParams({ service, scope })}`, {
    headers: { authorization: basic },
  })
  const { token } = (await response.json()) as { token: string }
  return `Bearer ${token}`
}
