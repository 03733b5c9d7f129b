import type { Clock } from '../lib/clock.ts'
import { UserError } from '../lib/error.ts'
import type { Log } from '../lib/log.ts'
import { redact } from '../lib/redact.ts'
import type { Repository } from '../oci/reference.ts'
import { authorize, parseChallenges } from './auth.ts'
import type { Allowance } from './deadline.ts'
import { RegistryError } from './error.ts'
import { answerAllowance, exchange, type HttpRequest, type HttpResponse, type Transport } from './http.ts'
import type { Credentials } from './login.ts'
import { outsideLookup } from './outside-lookup.ts'
import { redirectTarget } from './redirect.ts'
import { explainRefusal, notARegistry, refusedPlace } from './refusal.ts'
import { isAllowedPlace, isOwnHost, registryOrigin } from './trusted-hosts.ts'
import { type WriteTurn, writeRate } from './write-rate.ts'

/** `secret` masks a value in the log. `signal` ends running requests. `log` gets a line for each wait. */
export type ClientPorts = {
  readonly secret: (value: string) => void
  readonly signal: AbortSignal
  readonly log: Pick<Log, 'info'>
}

const redirects = [301, 302, 303, 307, 308]

const mostRedirects = 5

/**
 * The requests to one repository: their authorization, redirects and rate. Authorization goes to the registry's own
 * origin and nowhere else. Each request is sent once, and once more if it needs another authorization.
 */
export class Session {
  /** The number of requests, and of body bytes, counted as they are sent. */
  requests = 0
  bytesSent = 0
  readonly origin: string
  readonly signal: AbortSignal
  readonly #repository: Repository
  readonly #credentials: Credentials | undefined
  readonly #secrets = new Set<string>()
  readonly #secret: (value: string) => void
  readonly #transport: Transport
  readonly #turn: WriteTurn
  #authorization: Promise<string> | undefined

  constructor(
    repository: Repository,
    credentials: Credentials | undefined,
    { secret, signal }: ClientPorts,
    clock: Clock,
  ) {
    this.#repository = repository
    this.#credentials = credentials
    this.origin = registryOrigin(repository.registry)
    this.signal = signal
    this.#secret = (value) => {
      // An empty value would be masked everywhere.
      if (value === '') return
      this.#secrets.add(value)
      secret(value)
    }
    this.#transport = {
      signal,
      idleLimit: clock.idleLimit,
      wallClock: clock.wallClock,
      lookup: (url) =>
        isOwnHost(repository.registry, url) ? undefined : outsideLookup(url.hostname, refusedPlace(repository, url)),
      known: new Set(),
      onSent: (bytes) => {
        this.bytesSent += bytes
      },
      redact: (text) => redact(text, this.#secrets),
    }
    this.#turn = writeRate(clock)
  }

  /**
   * Sends a request with the current authorization. If the registry answers 401, sends it once more with a new one. The
   * same is done for a 403 to a request without authorization.
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    const known = this.#authorization
    const allowed = answerAllowance(this.#transport)
    const asks = known || !this.#credentials ? [401] : [401, 403]
    const first = await this.#follow({ ...request, expected: [...request.expected, ...asks] }, known, allowed)
    if (!asks.includes(first.status)) return first
    // If many requests are refused at once, the first one gets a token for all of them.
    if (this.#authorization === known) {
      const fresh = this.#challenge(request, first, allowed).then((header) => this.#authorize(header))
      this.#authorization = fresh
      // The next request must ask for a token again.
      fresh.catch(() => {
        if (this.#authorization === fresh) this.#authorization = undefined
      })
    }
    return this.#follow(request, this.#authorization, allowed)
  }

  /**
   * Sends a request whose failure does not matter. It takes at most a second, and is sent even if the run was
   * cancelled.
   */
  async sendLast(request: HttpRequest): Promise<void> {
    const transport = { ...this.#transport, signal: AbortSignal.timeout(1000) }
    const authorization = request.url.origin === this.origin ? await this.#authorization?.catch(() => undefined) : ''
    this.requests++
    await exchange({ ...request, ...(authorization && { headers: { authorization } }) }, transport).catch(() => {})
  }

  /** Throws a `UserError` if nothing may be sent to a place that the registry names. */
  checkPlace(place: URL): void {
    if (!isAllowedPlace(this.#repository.registry, place)) throw refusedPlace(this.#repository, place)
  }

  /**
   * What the registry wants instead of this answer. Some answer 403 to who says nothing, and tell what they want only
   * at the beginning of their API. Source: OCI distribution specification, "Determining Support".
   */
  async #challenge(request: HttpRequest, { status, headers }: HttpResponse, allowed: Allowance): Promise<string> {
    const header = headers['www-authenticate']
    if (status === 401 || header !== undefined) return header ?? ''
    const question: HttpRequest = { method: 'GET', url: new URL(`${this.origin}/v2/`), expected: [200, 401, 403] }
    const answer = await this.#follow(question, undefined, allowed).catch(() => undefined)
    const told = answer?.headers['www-authenticate'] ?? ''
    // Where the registry tells of no way in, the answer to the request counts.
    if (told === '') await this.#follow(request, undefined, allowed)
    return told
  }

  async #authorize(header: string): Promise<string> {
    const challenges = parseChallenges(header)
    if (challenges.length === 0) throw notARegistry(this.#repository, 'answers 401 without saying what it wants')
    this.requests++
    return authorize(challenges, this.#repository, this.#credentials, { ...this.#transport, secret: this.#secret })
  }

  /**
   * Follows redirects by hand. A request that has once left the registry's origin has no authorization from then on,
   * even if it is redirected back.
   */
  async #follow(
    request: HttpRequest,
    authorization: Promise<string> | undefined,
    allowed: Allowance,
  ): Promise<HttpResponse> {
    let { url } = request
    let isOwn = true
    for (let followed = 0; ; followed++) {
      isOwn &&= url.origin === this.origin
      const headers = { ...request.headers, ...(isOwn && authorization && { authorization: await authorization }) }
      // Only the registry may ask for its authorization.
      const expected = [
        ...request.expected.filter((status) => isOwn || (status !== 401 && status !== 403)),
        ...redirects,
      ]
      const answer = await this.#exchange({ ...request, url, headers, expected }, allowed)
      const target = redirectTarget({ ...request, url }, answer)
      if (request.expected.includes(answer.status) && target?.origin !== this.origin) return answer
      if (!target || followed === mostRedirects)
        throw new UserError(
          `${this.#repository.registry} sends ${request.method} requests elsewhere (it answers ${answer.status}); write in \`image\` the host that answers itself.`,
        )
      this.checkPlace(target)
      url = target
    }
  }

  async #exchange(request: HttpRequest, allowed: Allowance): Promise<HttpResponse> {
    if (request.method !== 'GET' && request.method !== 'HEAD') await this.#turn(this.signal)
    this.requests++
    try {
      return await exchange(request, this.#transport, allowed)
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error
      // The registry has given a token for these credentials, so what is missing is a permission.
      const isKnown = request.headers?.['authorization']?.startsWith('Bearer ') === true
      throw explainRefusal(error, this.#repository, this.#credentials, isKnown)
    }
  }
}
