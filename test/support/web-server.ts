import { createReadStream, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'

type WebRequest = { readonly method: string; readonly path: string; readonly authorization: string | undefined }

/** A web server on loopback. `url` has no slash at the end. */
export type WebServer = AsyncDisposable & { readonly url: string; readonly requests: readonly WebRequest[] }

/** The content of a path: a text, a file, or a function that answers. A folder serves all files below it. */
export type Content =
  | string
  | { readonly file: string }
  | { readonly folder: string }
  | ((request: IncomingMessage, response: ServerResponse) => void)

/**
 * Serves `contents` by path; the longest path that fits counts. Everything else is 404. With `tls`, a key and a
 * certificate in PEM, it serves HTTPS.
 */
export const startWebServer = async (
  contents: Readonly<Record<string, Content>>,
  tls?: { readonly key: string; readonly cert: string },
): Promise<WebServer> => {
  const requests: WebRequest[] = []
  const sockets = new Set<Socket>()
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    requests.push({ method: request.method ?? '', path: pathname, authorization: request.headers.authorization })
    answer(contents, decodeURIComponent(pathname), request, response)
  }
  const server = tls ? createSecureServer(tls, listener) : createServer(listener)
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A loopback port on which nothing listens. */
export const closedPort = async (): Promise<string> => {
  await using server = await startWebServer({})
  return new URL(server.url).port
}

const answer = (
  contents: Readonly<Record<string, Content>>,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  const place = Object.keys(contents)
    .filter((place) => path === place || (place.endsWith('/') && path.startsWith(place)))
    .sort((a, b) => b.length - a.length)[0]
  const content = place === undefined ? undefined : contents[place]
  if (content === undefined || place === undefined) return void response.writeHead(404).end('not here')
  if (typeof content === 'string') return void response.end(content)
  if (typeof content === 'function') return void content(request, response)
  const file = 'file' in content ? content.file : join(content.folder, path.slice(place.length))
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats?.isFile()) return void response.writeHead(404).end('not here')
  response.writeHead(200, { 'content-length': stats.size })
  if (request.method === 'HEAD') return void response.end()
  createReadStream(file).pipe(response)
}
