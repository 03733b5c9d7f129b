import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/**
 * The fault that a request meets. Times are in milliseconds. Places are in bytes of the body or, up to 1, a fraction of
 * it.
 */
export type Fault =
  /** The registry does not get the request. */
  | { readonly answer: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** The client gets nothing for a while. */
  | { readonly delay: number }
  /** RST, once this much of the request's body has come. */
  | { readonly resetAt: number }
  /** FIN, once this much of the request's body has come. */
  | { readonly closeAt: number }
  /** The registry does what it was asked, but the client gets no answer. */
  | 'lose answer'
  /** The registry does what it was asked, but the answer is cut off. */
  | 'cut answer'
  /** The registry does what it was asked, but the answer never ends. */
  | 'stall answer'
  /** Nothing is read and nothing is answered. */
  | 'hang'

/**
 * A fault and the requests that it affects: `times` of those that fit (default 1), beginning with the `nth` (from 1).
 */
export type Rule = {
  readonly fits: (method: string, path: string) => boolean
  readonly fault: Fault
  readonly nth?: number
  readonly times?: number
}

/** A request of a client. `path` includes the query; `bodyBytes` is how much of its body has come. */
type ProxiedRequest = {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  bodyBytes: number
  fault?: Fault
}

export type FaultProxy = AsyncDisposable & {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly requests: ProxiedRequest[]
  /** Replaces the rules, and counts from 1 again. */
  follow(rules: readonly Rule[]): void
}

/**
 * Starts a proxy in front of a registry on loopback. Each request gets the fault of the first rule that fits and is not
 * used up. The proxy also stands in front of the token server that the registry names.
 */
export const startFaultProxy = async (registry: string, rules: readonly Rule[] = []): Promise<FaultProxy> => {
  const requests: ProxiedRequest[] = []
  const sockets = new Set<Socket>()
  let counted = rules.map((rule) => ({ ...rule, seen: 0 }))
  let realm: URL | undefined

  const faultFor = (method: string, path: string): Fault | undefined => {
    for (const rule of counted) {
      if (!rule.fits(method, path)) continue
      rule.seen++
      const { nth = 1, times = 1 } = rule
      if (rule.seen >= nth && rule.seen < nth + times) return rule.fault
    }
    return undefined
  }

  const server = createServer((incoming, response) => {
    const { method = '', url: path = '' } = incoming
    const fault = faultFor(method, path)
    const { authorization } = incoming.headers
    const request: ProxiedRequest = { method, path, authorization, bodyBytes: 0, ...(fault && { fault }) }
    requests.push(request)
    incoming.on('data', (chunk: Buffer) => {
      request.bodyBytes += chunk.length
    })
    incoming.pause()
    const target = path.startsWith('/token?') && realm ? new URL(path, realm) : new URL(path, `http://${registry}`)
    spoil(fault, incoming, response, (answered) => {
      const outgoing = send(
        target,
        { method, headers: { ...incoming.headers, host: incoming.headers.host } },
        (answer) => {
          const headers = { ...answer.headers }
          const [, named] = /realm="([^"]+)"/.exec(headers['www-authenticate'] ?? '') ?? []
          if (named) {
            realm = new URL(named)
            headers['www-authenticate'] = headers['www-authenticate']?.replace(
              named,
              `http://${incoming.headers.host}${realm.pathname}`,
            )
          }
          answered(answer.statusCode ?? 500, headers, answer)
        },
      )
      outgoing.on('error', () => incoming.socket.destroy())
      incoming.on('close', () => {
        if (!incoming.complete) outgoing.destroy()
      })
      incoming.pipe(outgoing)
    })
  })
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    follow: (next) => {
      counted = next.map((rule) => ({ ...rule, seen: 0 }))
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Forward = (answered: (status: number, headers: IncomingMessage['headers'], body: IncomingMessage) => void) => void

const spoil = (
  fault: Fault | undefined,
  incoming: IncomingMessage,
  response: ServerResponse,
  forward: Forward,
): void => {
  const { socket } = incoming
  const pass = (): void =>
    forward((status, headers, body) => {
      response.writeHead(status, headers)
      body.pipe(response)
    })
  const end = (): void => {
    if (typeof fault === 'object' && 'closeAt' in fault) socket.end()
    else socket.resetAndDestroy()
  }
  if (fault === undefined) pass()
  else if (fault === 'lose answer')
    forward((_, __, body) => {
      body.resume()
      body.on('end', end)
    })
  else if (fault === 'cut answer' || fault === 'stall answer')
    forward((status, headers, body) => {
      body.resume()
      const { 'transfer-encoding': _, ...others } = headers
      response.writeHead(status, { ...others, 'content-length': '100' })
      response.write('{', () => fault === 'cut answer' && socket.destroy())
    })
  else if (fault === 'hang') incoming.pause()
  else if ('delay' in fault) setTimeout(pass, fault.delay)
  else if ('answer' in fault) {
    // Servers for uploads also read on for a while, since the client would lose the answer otherwise.
    incoming.resume()
    response.writeHead(fault.answer, fault.headers).end(fault.body)
  } else {
    const place = 'resetAt' in fault ? fault.resetAt : fault.closeAt
    const bytes = place <= 1 ? place * Number(incoming.headers['content-length'] ?? 0) : place
    if (bytes === 0) end()
    else {
      let passed = 0
      incoming.on('data', (chunk: Buffer) => {
        passed += chunk.length
        if (passed >= bytes) end()
      })
      // The registry gets the beginning of the body, as it would without a proxy.
      forward(() => {})
    }
  }
}
