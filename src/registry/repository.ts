import { type Clock, systemClock } from '../lib/clock.ts'
import type { Retrying } from '../lib/retry.ts'
import { type Descriptor, type Digest, type Document, digestOf } from '../oci/descriptor.ts'
import { imageIndexMediaType, imageManifestMediaType } from '../oci/media-type.ts'
import type { Repository } from '../oci/reference.ts'
import type { Body, HttpResponse } from './http.ts'
import type { Credentials } from './login.ts'
import { inconsistentRegistry, notARegistry } from './refusal.ts'
import { registryRetries } from './retry.ts'
import { type ClientPorts, Session } from './session.ts'

/** Redirects to a storage service that has the blob. */
const elsewhere = [302, 303, 307, 308]

/**
 * A client for one repository, with a method for each endpoint. A method sends its request once; `retrying` retries any
 * of them. Source: OCI distribution specification, "Push",
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export class RepositoryClient {
  readonly repository: Repository
  readonly retrying: Retrying
  readonly #session: Session
  readonly #base: string

  constructor(
    repository: Repository,
    credentials: Credentials | undefined,
    ports: ClientPorts,
    clock: Clock = systemClock,
  ) {
    this.repository = repository
    this.retrying = registryRetries(clock, ports)
    this.#session = new Session(repository, credentials, ports, clock)
    this.#base = `${this.#session.origin}/v2/${repository.name}`
  }

  /** The number of requests so far, with those for tokens. */
  get requests(): number {
    return this.#session.requests
  }

  /** The number of bytes sent so far, with those that had to be sent again. */
  get bytesSent(): number {
    return this.#session.bytesSent
  }

  /**
   * Checks that the run may push, before there is any work that would be lost: starts an upload and cancels it. Throws
   * a `UserError` that says which permission is missing.
   */
  async checkAccess(): Promise<void> {
    await this.#leaveUpload(await this.retrying(() => this.#startUpload()))
  }

  /**
   * Whether the registry says that it has the blob, itself or by a redirect to the place where it is kept. Throws a
   * `UserError` if it has another blob under this digest.
   */
  async hasBlob({ digest, size }: Descriptor): Promise<boolean> {
    const { status, headers } = await this.#session.send({
      method: 'HEAD',
      url: this.#url(`/blobs/${digest}`),
      expected: [200, ...elsewhere, 404],
    })
    // A redirect without a location counts as a missing blob: that only costs one more upload.
    if (status !== 200) return status !== 404 && headers.location !== undefined
    this.#checkDigest(digest, headers)
    const stored = headers['content-length']
    if (stored !== undefined && Number(stored) !== size)
      throw inconsistentRegistry(this.repository, `has ${stored} bytes as ${digest}, which are ${size}`)
    return true
  }

  /**
   * Starts an upload and sends the whole blob in one PUT: registries limit the size of a chunk, but not that of a whole
   * blob.
   */
  async putBlob({ digest }: Descriptor, content: Uint8Array): Promise<void> {
    await this.#upload(digest, content)
  }

  /** Like `putBlob`, but reads the blob from a file while it is sent. */
  async putBlobFile({ digest, size }: Descriptor, file: string): Promise<void> {
    await this.#upload(digest, { file, size })
  }

  /**
   * Puts a manifest under a tag or under its own digest. Throws a `UserError` if the registry reports another digest
   * for it.
   */
  async putManifest({ descriptor, bytes }: Document, reference: string = descriptor.digest): Promise<void> {
    const { headers } = await this.#session.send({
      method: 'PUT',
      url: this.#url(`/manifests/${reference}`),
      headers: { 'content-type': descriptor.mediaType },
      body: bytes,
      // Some registries do not answer with the specified 201. Tags are read back anyway.
      expected: [200, 201, 202],
    })
    this.#checkDigest(descriptor.digest, headers)
  }

  /** The digest of what a tag or a digest names; `undefined` if it names nothing. */
  async resolve(reference: string): Promise<string | undefined> {
    const request = {
      url: this.#url(`/manifests/${reference}`),
      headers: { accept: `${imageIndexMediaType}, ${imageManifestMediaType}, */*` },
      expected: [200, 404],
    }
    const { status, headers } = await this.#session.send({ ...request, method: 'HEAD', expected: [200, 404, 405] })
    if (status === 404) return undefined
    const digest = headers['docker-content-digest']
    if (status === 200 && typeof digest === 'string') return digest
    // The specification lets a registry leave out this header, and some registries do not support HEAD.
    const answer = await this.#session.send({ ...request, method: 'GET' })
    return answer.status === 404 ? undefined : digestOf(answer.body)
  }

  /** The bytes of a manifest or an index; `undefined` if there is none. */
  async getManifest(reference: string): Promise<Uint8Array | undefined> {
    const { status, body } = await this.#session.send({
      method: 'GET',
      url: this.#url(`/manifests/${reference}`),
      headers: { accept: `${imageIndexMediaType}, ${imageManifestMediaType}` },
      expected: [200, 404],
    })
    return status === 404 ? undefined : body
  }

  /** Fetches a small blob. Throws a `UserError` if its content does not have the digest. */
  async getBlob(digest: Digest): Promise<Uint8Array> {
    const { body } = await this.#session.send({ method: 'GET', url: this.#url(`/blobs/${digest}`), expected: [200] })
    if (digestOf(body) !== digest)
      throw inconsistentRegistry(this.repository, `gives ${digestOf(body)} where ${digest} was asked for`)
    return body
  }

  async #upload(digest: Digest, body: Body): Promise<void> {
    const url = await this.#startUpload()
    url.searchParams.set('digest', digest)
    try {
      const { headers } = await this.#session.send({
        method: 'PUT',
        url,
        headers: { 'content-type': 'application/octet-stream' },
        body,
        expected: [201],
      })
      this.#checkDigest(digest, headers)
    } catch (error) {
      if (this.#session.signal.aborted) await this.#leaveUpload(url)
      throw error
    }
  }

  async #startUpload(): Promise<URL> {
    const url = this.#url('/blobs/uploads/')
    const { headers } = await this.#session.send({ method: 'POST', url, body: new Uint8Array(), expected: [202] })
    const place = headers.location ? URL.parse(headers.location, url.href) : null
    if (!place) throw notARegistry(this.repository, 'opens an upload without saying where')
    this.#session.checkPlace(place)
    return place
  }

  /** Some registries cannot cancel an upload, but all remove one that is left alone. */
  async #leaveUpload(url: URL): Promise<void> {
    await this.#session.sendLast({ method: 'DELETE', url, expected: [202, 204] })
  }

  #url(path: string): URL {
    return new URL(this.#base + path)
  }

  #checkDigest(digest: Digest, headers: HttpResponse['headers']): void {
    const named = headers['docker-content-digest']
    if (named !== undefined && named !== digest) throw inconsistentRegistry(this.repository, `calls ${digest} ${named}`)
  }
}
