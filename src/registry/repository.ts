import { openAsBlob } from 'node:fs'
import { UserError } from '../error.ts'
import type { Credentials } from '../inputs/credentials.ts'
import type { Descriptor, Digest, Document } from '../oci/descriptor.ts'
import { formatRepository, type Repository } from '../oci/reference.ts'
import { authorize, type ClientPorts, parseChallenge } from './auth.ts'
import { RegistryError } from './error.ts'
import { type Request, send } from './http.ts'
import { registryOrigin } from './origin.ts'
import { explainRefusal } from './refusal.ts'
import { retrying } from './retry.ts'

/**
 * The endpoints of one repository, a method for each. Source: OCI distribution specification, "Push",
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export class RepositoryClient {
  readonly repository: Repository
  requests = 0
  bytesSent = 0
  readonly #base: string
  readonly #credentials: Credentials | undefined
  readonly #secret: (value: string) => void
  readonly signal: AbortSignal
  #authorization: Promise<string> | undefined

  constructor(repository: Repository, credentials: Credentials | undefined, { secret, signal }: ClientPorts) {
    this.repository = repository
    this.#base = `${registryOrigin(repository.registry)}/v2/${repository.name}`
    this.#credentials = credentials
    this.#secret = secret
    this.signal = signal
  }

  /**
   * Finds out whether this may be pushed to, before there is any work that would be lost: opens an upload and leaves it.
   * Throws a `UserError` that says which permission is missing.
   */
  async checkAccess(): Promise<void> {
    const url = await retrying(() => this.#startUpload(), this.signal)
    // Not every registry knows how to cancel, and all forget an upload that is left alone.
    await this.#send({ method: 'DELETE', url, expected: [202, 204] }).catch(() => {})
  }

  /** Whether the registry has the blob, by its own word; it may say so by naming the place where the blob is kept. */
  async hasBlob(digest: Digest): Promise<boolean> {
    const response = await this.#send({
      method: 'HEAD',
      url: this.#url(`/blobs/${digest}`),
      expected: [200, 302, 303, 307, 308, 404],
    })
    return response.status !== 404
  }

  /** Opens an upload and sends the whole blob in one PUT: registries limit the parts of a blob, but not a whole one. */
  async putBlob({ digest, size }: Descriptor, content: Blob | Uint8Array): Promise<void> {
    const url = await this.#startUpload()
    url.searchParams.set('digest', digest)
    await this.#send({
      method: 'PUT',
      url,
      headers: { 'content-type': 'application/octet-stream' },
      body: content,
      expected: [201],
    })
    this.bytesSent += size
  }

  /** The same from a file, which is read as it is sent. */
  async putBlobFile(descriptor: Descriptor, file: string): Promise<void> {
    await this.putBlob(descriptor, await openAsBlob(file))
  }

  /** Puts a manifest under a tag or under its own digest. Throws an `Error` if the registry names another digest for it. */
  async putManifest({ descriptor, bytes }: Document, reference: string = descriptor.digest): Promise<void> {
    const response = await this.#send({
      method: 'PUT',
      url: this.#url(`/manifests/${reference}`),
      headers: { 'content-type': descriptor.mediaType },
      body: bytes,
      expected: [201],
    })
    const digest = response.headers.get('docker-content-digest')
    if (digest && digest !== descriptor.digest)
      throw new Error(`${this.repository.registry} stored the manifest ${descriptor.digest} as ${digest}`)
    this.bytesSent += bytes.length
  }

  async #startUpload(): Promise<URL> {
    const started = await this.#send({
      method: 'POST',
      url: this.#url('/blobs/uploads/'),
      headers: { 'content-length': '0' },
      expected: [202],
    })
    const location = started.headers.get('location')
    const url = location ? URL.parse(location, this.#base) : null
    if (!url) throw new Error(`${formatRepository(this.repository)} opened an upload without saying where`)
    if (url.origin !== registryOrigin(this.repository.registry))
      throw new UserError(
        `${this.repository.registry} wants blobs to be sent to ${url.origin}, which is not that registry; nothing was sent there. Use a registry that takes uploads itself.`,
      )
    return url
  }

  #url(path: string): URL {
    return new URL(this.#base + path)
  }

  /** Sends with the authorization that is known, and once more with a new one where the registry says that it is not enough. */
  async #send(request: Request): Promise<Response> {
    const known = this.#authorization
    const first = await this.#attempt({ ...request, expected: [...request.expected, 401] }, known)
    if (first.status !== 401) return first
    const challenge = parseChallenge(first.headers.get('www-authenticate') ?? '')
    if (!challenge) throw new Error(`${this.repository.registry} answers 401 without saying what it wants`)
    // Of many requests that are refused at once, the first gets the token for all.
    if (this.#authorization === known)
      this.#authorization = authorize(challenge, this.repository, this.#credentials, {
        secret: this.#secret,
        signal: this.signal,
      })
    return this.#attempt(request, this.#authorization)
  }

  async #attempt(request: Request, authorization: Promise<string> | undefined): Promise<Response> {
    this.requests++
    const headers = { ...request.headers, ...(authorization && { authorization: await authorization }) }
    try {
      return await send({ ...request, headers }, this.signal)
    } catch (error) {
      throw this.#explained(error)
    }
  }

  #explained(error: unknown): unknown {
    return error instanceof RegistryError ? explainRefusal(error, this.repository, this.#credentials) : error
  }
}
