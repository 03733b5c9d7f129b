import { randomUUID } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { digestOf } from '../../src/oci/descriptor.ts'

/** Behaviour that other registries have, but Debian's never has. Manifests are counted as they are put, from 1. */
export type Quirks = {
  /** Loses the largest layer just before this manifest, as GHCR seems to do when several jobs push. */
  readonly forgets?: number
  /** Accepts a manifest that it has already, without a look at its blobs. */
  readonly knowsManifests?: boolean
  /** Loses the largest layer again each time that it is sent. */
  readonly forgetsForEver?: boolean
  /** The answers in which it reports another digest or size than it has. */
  readonly lies?: 'blob' | 'blob question' | 'blob size' | 'manifest' | 'tag'
  /** Leaves out the digest, as the specification allows. */
  readonly noDigests?: boolean
  /**
   * Accepts a manifest of blobs that it does not have, as the specification allows and go-containerregistry's registry
   * does.
   */
  readonly takesIncomplete?: boolean
  /** Makes the location of an upload from the one that it would have named. */
  readonly place?: (path: string, host: string) => string
  /** Stores what is sent, but refuses the request, as some registries do when two clients send the same. */
  readonly refusesCommits?: boolean
  /** What it answers instead, as some registry does. It sees requests before they are done. */
  readonly answers?: (request: Asked) => Answer | undefined
  /** How often it still returns a tag's old manifest after the tag has moved. */
  readonly staleReads?: number
}

/** A strict registry in memory. `violations` are the violations of the specification by clients. */
export type StrictRegistry = AsyncDisposable & {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly violations: readonly string[]
  readonly requests: readonly string[]
  readonly blobs: ReadonlyMap<string, Buffer>
  /** By digest and by tag. */
  readonly manifests: ReadonlyMap<string, Buffer>
  /** The highest number of requests that it answered at once. */
  readonly mostAtOnce: () => number
  readonly add: (blob: Buffer) => void
  /** Loses everything, all blobs, or one blob. */
  readonly lose: (what: 'all' | 'blobs' | { readonly digest: string }) => void
}

/** A request of a client. `path` includes the query. */
export type Asked = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type Answer = { status: number; headers?: Record<string, string>; body?: string }

/** GHCR's limit on the body of a request with a `Content-Range`, in bytes. */
const rangeLimit = 4 * 1024 * 1024

/**
 * Starts the registry on loopback. It enforces every "MUST" of the specification for pushing, and GHCR's own rules.
 * Source: OCI distribution specification, "Push",
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export const startStrictRegistry = async (quirks: Quirks = {}): Promise<StrictRegistry> => {
  const violations: string[] = []
  const requests: string[] = []
  const blobs = new Map<string, Buffer>()
  const manifests = new Map<string, Buffer>()
  const uploads = new Map<string, string>()
  const stale = new Map<string, { before: Buffer; reads: number }>()
  const sockets = new Set<Socket>()
  let manifestPuts = 0
  let answering = 0
  let mostAtOnce = 0

  const named = (digest: string, lies: boolean): Record<string, string> =>
    quirks.noDigests ? {} : { 'docker-content-digest': lies ? digestOf(Buffer.from('another')) : digest }

  const blobQuestion = (digest: string): Answer => {
    const bytes = blobs.get(digest)
    if (!bytes) return { status: 404 }
    const size = `${bytes.length + (quirks.lies === 'blob size' ? 1 : 0)}`
    return { status: 200, headers: { 'content-length': size, ...named(digest, quirks.lies === 'blob question') } }
  }

  const startUpload = (name: string, request: IncomingMessage): Answer => {
    if (request.headers['content-length'] !== '0') violations.push('POST of an upload without `Content-Length: 0`')
    const id = randomUUID()
    // A state with characters that the client must return unchanged.
    const state = `${randomUUID()}%2B/=&part=a%20b`
    const path = `/v2/${name}/blobs/uploads/${id}?_state=${state}`
    uploads.set(id, state)
    return { status: 202, headers: { location: quirks.place?.(path, request.headers.host ?? '') ?? path } }
  }

  const commit = (
    id: string,
    query: URLSearchParams,
    search: string,
    request: IncomingMessage,
    body: Buffer,
  ): Answer => {
    const { headers } = request
    if (headers['content-range'] !== undefined) {
      violations.push('PUT of a blob with Content-Range')
      if (body.length > rangeLimit) return error(416, 'UNKNOWN', 'the request body is too large and exceeds 4.00MiB')
    }
    if (headers['content-length'] !== `${body.length}`) violations.push('PUT of a blob without its Content-Length')
    if (headers['content-type'] !== 'application/octet-stream')
      violations.push(`PUT of a blob as ${headers['content-type']}`)
    const state = uploads.get(id)
    uploads.delete(id)
    if (state === undefined) return error(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
    const sent = new URLSearchParams(search)
    sent.delete('digest')
    if (sent.toString() !== new URLSearchParams(`_state=${state}`).toString())
      violations.push(`PUT to ${search}, which is not the Location`)
    const digest = query.get('digest') ?? ''
    if (digestOf(body) !== digest) return error(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content')
    blobs.set(digest, body)
    if (quirks.refusesCommits) return error(409, 'UNKNOWN', 'blob already exists')
    return { status: 201, headers: { location: `/blobs/${digest}`, ...named(digest, quirks.lies === 'blob') } }
  }

  const putManifest = (reference: string, request: IncomingMessage, body: Buffer): Answer => {
    manifestPuts++
    const manifest = JSON.parse(body.toString()) as {
      mediaType?: string
      config?: { digest: string }
      layers?: { digest: string }[]
      manifests?: { digest: string }[]
    }
    if (quirks.forgetsForEver || quirks.forgets === manifestPuts) forgetLargest(manifest.layers ?? [])
    if (request.headers['content-type'] !== manifest.mediaType)
      violations.push(`a manifest of ${manifest.mediaType} was sent as ${request.headers['content-type']}`)
    const digest = digestOf(body)
    if (quirks.knowsManifests && reference === digest && manifests.has(digest))
      return { status: 201, headers: named(digest, false) }
    const isTag = !reference.includes(':')
    if (!isTag && reference !== digest) return error(400, 'DIGEST_INVALID', 'digest invalid')
    if (isTag && !/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(reference)) violations.push(`${reference} is no tag`)
    if (isTag && !manifests.has(digest)) violations.push(`${reference} was set before ${digest} was there`)
    for (const { digest } of [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])])
      if (!blobs.has(digest) && !quirks.takesIncomplete)
        return error(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry')
    for (const { digest } of manifest.manifests ?? [])
      if (!manifests.has(digest) && !quirks.takesIncomplete) return error(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
    manifests.set(digest, body)
    const before = manifests.get(reference)
    if (isTag && before && quirks.staleReads) stale.set(reference, { before, reads: quirks.staleReads })
    manifests.set(reference, quirks.lies === 'tag' && isTag ? Buffer.from('{"another":1}') : body)
    if (quirks.refusesCommits) return error(400, 'MANIFEST_INVALID', 'manifest invalid')
    return { status: 201, headers: { location: `/manifests/${digest}`, ...named(digest, quirks.lies === 'manifest') } }
  }

  const forgetLargest = (layers: readonly { digest: string }[]): void => {
    const sizeOf = ({ digest }: { digest: string }): number => blobs.get(digest)?.length ?? 0
    const [largest] = layers.toSorted((a, b) => sizeOf(b) - sizeOf(a))
    if (largest) blobs.delete(largest.digest)
  }

  const answer = (request: IncomingMessage, body: Buffer): Answer => {
    const { method = '' } = request
    const { pathname, searchParams, search } = new URL(request.url ?? '', 'http://localhost')
    const [, name = '', kind = '', rest = ''] = /^\/v2\/(.+?)\/(blobs|manifests)\/(.+)$/.exec(pathname) ?? []
    const old = stale.get(rest)
    const isStale = method === 'HEAD' && old !== undefined && old.reads-- > 0
    const manifest = isStale ? old.before : manifests.get(rest)
    if (kind === 'blobs' && rest === 'uploads/' && method === 'POST') return startUpload(name, request)
    if (kind === 'blobs' && rest.startsWith('uploads/') && method === 'PUT')
      return commit(rest.slice(8), searchParams, search, request, body)
    if (kind === 'blobs' && rest.startsWith('uploads/') && method === 'DELETE')
      return { status: uploads.delete(rest.slice(8)) ? 204 : 404 }
    if (kind === 'blobs' && method === 'HEAD') return blobQuestion(rest)
    const blob = kind === 'blobs' && method === 'GET' ? blobs.get(rest) : undefined
    if (blob) return { status: 200, headers: { 'content-length': `${blob.length}` }, body: blob.toString() }
    if (kind === 'manifests' && method === 'PUT') return putManifest(rest, request, body)
    if (kind === 'manifests' && (method === 'HEAD' || method === 'GET')) {
      if (!manifest) return error(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
      const headers = { 'content-length': `${manifest.length}`, ...named(digestOf(manifest), false) }
      return { status: 200, headers, body: manifest.toString() }
    }
    violations.push(`${method} ${pathname} is not for pushing`)
    return method === 'PATCH' ? error(416, 'UNKNOWN', 'the request body is too large') : error(405, 'UNSUPPORTED', '')
  }

  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`)
    mostAtOnce = Math.max(mostAtOnce, ++answering)
    response.on('close', () => answering--)
    const body = await buffer(request).catch(() => undefined)
    if (!body) return
    const { method = '', url: path = '', headers: sent } = request
    const instead = quirks.answers?.({ method, path, headers: sent, body })
    const { status, headers = {}, body: text = '' } = instead ?? answer(request, body)
    response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : text)
  })
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    violations,
    requests,
    blobs,
    manifests,
    mostAtOnce: () => mostAtOnce,
    add: (blob) => blobs.set(digestOf(blob), blob),
    lose: (what) => {
      if (typeof what === 'object') return void blobs.delete(what.digest)
      blobs.clear()
      if (what === 'all') manifests.clear()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A refusal in the form of the specification. */
export const error = (status: number, code: string, message: string, detail?: unknown): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ errors: [{ code, message, ...(detail !== undefined && { detail }) }] }),
})
