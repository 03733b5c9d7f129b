import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import {
  BlobSASPermissions,
  BlobServiceClient,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { root } from './action.ts'
import { startDaemon } from './daemon.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * The faults that the service can have. If it is slow, each answer is half a second late. The faults in the second line
 * affect the downloaded bytes.
 */
export type CacheFault =
  | ('unavailable' | 'rate-limited' | 'silent' | 'slow' | 'read-denied' | 'write-denied' | 'full')
  | ('corrupt' | 'truncated' | 'stalled' | 'missing')

/**
 * The scope of a step. It saves entries in the scope `ref`, and looks for them there and then in the scopes `reads`.
 */
export type CacheScope = {
  readonly ref?: string
  readonly reads?: readonly string[]
  readonly readOnly?: boolean
}

export type CacheEntry = { readonly ref: string; readonly key: string; readonly version: string; readonly blob: string }

/** A running cache service. */
export type CacheService = AsyncDisposable & {
  /** The fault that it has from now on. */
  fault: CacheFault | undefined
  /** The environment that a step of the scope gets; by default, one on the default branch. */
  environment(scope?: CacheScope): Record<string, string>
  /** All saved entries, oldest first. */
  readonly entries: readonly CacheEntry[]
  /** The methods that were called, in order. */
  readonly calls: string[]
  read(entry: CacheEntry): Promise<Buffer>
  /** Replaces the bytes of an entry, as an attacker with access to the storage could. */
  replace(entry: CacheEntry, bytes: Buffer): Promise<void>
  /** Forgets all entries and calls. */
  clear(): void
}

const defaultBranch = 'refs/heads/main'

// Azurite's account, which is public.
const account = 'devstoreaccount1'
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
const container = 'cache'

/**
 * Starts Azurite behind a server with version 2 of the cache service's protocol, on free loopback ports. Source: the
 * messages of `@actions/cache`, `generated/results/api/v1/cache.ts`.
 */
export const startCacheService = async (): Promise<CacheService> => {
  await using starting = new AsyncDisposableStack()
  const folder = starting.use(await temporaryFolder('cache-service')).path
  const azurite = await startDaemon(
    process.execPath,
    [
      join(root, 'node_modules', 'azurite', 'dist', 'src', 'blob', 'main.js'),
      ...['--blobHost', '127.0.0.1', '--blobPort', '0'],
      ...['--inMemoryPersistence', '--silent', '--disableTelemetry', '--skipApiVersionCheck'],
    ],
    {
      logs: join(folder, 'logs'),
      env: {},
      ready: async (daemon) => listening.test(daemon.stdout()),
    },
  )
  starting.defer(azurite.stop)
  const [, port] = listening.exec(azurite.stdout()) ?? []
  const credential = new StorageSharedKeyCredential(account, accountKey)
  const storage = new BlobServiceClient(`http://127.0.0.1:${port}/${account}`, credential)
  const blobs = storage.getContainerClient(container)
  await blobs.create()

  const service = new Service((name, permissions) => {
    const now = Date.now()
    const signature = generateBlobSASQueryParameters(
      {
        containerName: container,
        blobName: name,
        permissions: BlobSASPermissions.parse(permissions),
        protocol: SASProtocol.HttpsAndHttp,
        startsOn: new Date(now - 60_000),
        expiresOn: new Date(now + 3_600_000),
      },
      credential,
    )
    return `${blobs.getBlobClient(name).url}?${signature}`
  })
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    // This fails if the client has hung up because it waits no longer.
    service.answer(request, response).catch(() => response.destroy())
  })
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  starting.defer(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

  const running = starting.move()
  return Object.assign(service, {
    read: ({ blob }: CacheEntry) => blobs.getBlobClient(blob).downloadToBuffer(),
    replace: async ({ blob }: CacheEntry, bytes: Buffer) => {
      await blobs.getBlockBlobClient(blob).uploadData(bytes)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  })
}

const listening = /successfully listens? on http:\/\/127\.0\.0\.1:(\d+)/

type Token = Required<CacheScope>
type Message = Readonly<Record<string, unknown>>
type Answer = { readonly status: number; readonly body: Message }

const ok = (body: Message): Answer => ({ status: 200, body: { ok: true, ...body } })
const refused = (status: number, code: string, msg: string): Answer => ({ status, body: { code, msg } })

class Service {
  fault: CacheFault | undefined
  url = ''
  readonly entries: CacheEntry[] = []
  readonly calls: string[] = []
  readonly #pending = new Map<string, CacheEntry>()
  readonly #sign: (blob: string, permissions: string) => string

  constructor(sign: (blob: string, permissions: string) => string) {
    this.#sign = sign
  }

  environment({ ref = defaultBranch, reads = [defaultBranch], readOnly = false }: CacheScope = {}) {
    const token: Token = { ref, reads, readOnly }
    return {
      ACTIONS_RESULTS_URL: this.url,
      ACTIONS_CACHE_SERVICE_V2: 'true',
      ACTIONS_RUNTIME_TOKEN: Buffer.from(JSON.stringify(token)).toString('base64url'),
      GITHUB_REF: ref,
      GITHUB_SERVER_URL: 'https://github.com',
    }
  }

  clear(): void {
    this.entries.length = 0
    this.calls.length = 0
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    if (path.startsWith('/damaged/')) return this.#sendDamaged(path.slice('/damaged/'.length), request, response)
    const method = path.slice(path.lastIndexOf('/') + 1)
    this.calls.push(method)
    if (this.fault === 'silent') return
    if (this.fault === 'slow') await setTimeout(500)
    const token = Buffer.from(request.headers.authorization?.replace('Bearer ', '') ?? '', 'base64url').toString()
    const { status, body } = this.#call(method, (await json(request)) as Message, JSON.parse(token))
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  #call(method: string, message: Message, scope: Token): Answer {
    const { key, version } = message as { key: string; version: string }
    if (this.fault === 'unavailable') return refused(503, 'unavailable', 'the service is out of order')
    if (this.fault === 'rate-limited') return refused(429, 'resource_exhausted', 'too many requests')
    if (method === 'GetCacheEntryDownloadURL') {
      if (this.fault === 'read-denied')
        return refused(403, 'permission_denied', 'cache read denied: the token has no readable scopes')
      const found = this.#find(
        key,
        (message['restore_keys'] ?? message['restoreKeys'] ?? []) as string[],
        version,
        scope,
      )
      if (!found) return { status: 200, body: { ok: false } }
      const damaged = ['corrupt', 'truncated', 'stalled', 'missing'].includes(this.fault ?? '')
      const url = damaged ? `${this.url}damaged/${found.blob}` : this.#sign(found.blob, 'r')
      return ok({ signed_download_url: url, matched_key: found.key })
    }
    const entry = { ref: scope.ref, key, version, blob: randomUUID() }
    const id = JSON.stringify([scope.ref, key, version])
    if (method === 'CreateCacheEntry') {
      if (scope.readOnly || this.fault === 'write-denied')
        return { status: 200, body: { ok: false, message: 'cache write denied: the token is read-only' } }
      if (this.fault === 'full') return refused(403, 'permission_denied', 'insufficient usage')
      if (this.#pending.has(id) || this.entries.some((other) => this.#isSame(other, entry)))
        return refused(409, 'already_exists', 'there is such an entry')
      this.#pending.set(id, entry)
      return ok({ signed_upload_url: this.#sign(entry.blob, 'cw') })
    }
    const pending = this.#pending.get(id)
    if (method !== 'FinalizeCacheEntryUpload' || !pending) return refused(404, 'not_found', method)
    this.#pending.delete(id)
    this.entries.push(pending)
    return ok({ entry_id: `${this.entries.length}` })
  }

  #isSame(a: CacheEntry, b: CacheEntry): boolean {
    return a.ref === b.ref && a.key === b.key && a.version === b.version
  }

  /**
   * Looks into one scope after the other, and in each for the key itself, then for each prefix, the newest entry first.
   */
  #find(key: string, prefixes: readonly string[], version: string, scope: Token): CacheEntry | undefined {
    for (const ref of new Set([scope.ref, ...scope.reads])) {
      const there = this.entries.filter((entry) => entry.ref === ref && entry.version === version).toReversed()
      for (const fits of [
        (found: string) => found === key,
        ...prefixes.map((prefix) => (found: string) => found.startsWith(prefix)),
      ]) {
        const found = there.find((entry) => fits(entry.key))
        if (found) return found
      }
    }
    return undefined
  }

  async #sendDamaged(blob: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const whole = Buffer.from(await (await fetch(this.#sign(blob, 'r'))).arrayBuffer())
    if (this.fault === 'missing') return void response.writeHead(404, { 'x-ms-error-code': 'BlobNotFound' }).end()
    const bytes = this.fault === 'truncated' ? whole.subarray(0, whole.length >> 1) : whole
    if (this.fault === 'corrupt') bytes.fill(0, bytes.length >> 1)
    response.writeHead(200, { 'content-length': bytes.length, etag: '"damaged"', 'x-ms-blob-type': 'BlockBlob' })
    if (request.method === 'HEAD') return void response.end()
    if (this.fault === 'stalled') return void response.write(bytes.subarray(0, 1))
    response.end(bytes)
  }
}
