import type { IncomingMessage, ServerResponse } from 'node:http'
import { digestOf } from '../../src/oci/descriptor.ts'
import type { RepositoryClient } from '../../src/registry/repository.ts'
import { testClient } from './pushed-image.ts'
import { startWebServer, type WebServer } from './web-server.ts'

/** A registry that names another place, and a server at that place that records each authorization it gets. */

const bytes = Buffer.from('{}')
export const document = { bytes, descriptor: { mediaType: 'application/json', digest: digestOf(bytes), size: 2 } }
export const credentials = { username: 'me', password: 'secret' }

type Spoiled = (method: string, path: string) => boolean
export type Operation = {
  readonly name: string
  readonly spoiled: Spoiled
  readonly run: (client: RepositoryClient) => Promise<unknown>
}

export const operations: readonly Operation[] = [
  {
    name: 'the question for a blob',
    spoiled: (method, path) => method === 'HEAD' && path.includes('/blobs/'),
    run: (client) => client.hasBlob(document.descriptor),
  },
  {
    name: 'the start of an upload',
    spoiled: (method) => method === 'POST',
    run: (client) => client.putBlob(document.descriptor, bytes),
  },
  {
    name: 'an upload',
    spoiled: (method, path) => method === 'PUT' && path.includes('/blobs/'),
    run: (client) => client.putBlob(document.descriptor, bytes),
  },
  {
    name: 'a manifest',
    spoiled: (method, path) => method === 'PUT' && path.includes('/manifests/'),
    run: (client) => client.putManifest(document),
  },
  {
    name: 'the question for a tag',
    spoiled: (method, path) => method === 'HEAD' && path.includes('/manifests/'),
    run: (client) => client.resolve('v1'),
  },
  {
    name: 'the content of a tag',
    spoiled: (method, path) => method === 'GET' && path.includes('/manifests/'),
    run: (client) => client.resolve('v1'),
  },
]

/** Answers as a registry that takes everything, and that has `{}` at every path. */
export const plain = (request: IncomingMessage, response: ServerResponse): void => {
  request.resume()
  if (request.method === 'POST') response.writeHead(202, { location: '/v2/tools/blobs/uploads/1' }).end()
  else if (request.method === 'PUT') response.writeHead(201).end()
  else response.writeHead(200, { 'content-length': '2' }).end(request.method === 'GET' ? bytes : undefined)
}

/** Answers in the same way after a token, but sends spoiled requests to another place, by `place`. */
const startEvil = (spoiled: Spoiled, place: (response: ServerResponse, host: string) => void) =>
  startWebServer({
    '/token': '{"token":"bearer-secret"}',
    '/v2/': (request, response) => {
      const host = request.headers.host ?? ''
      if (host.startsWith('localhost')) return plain(request, response)
      if (!request.headers.authorization)
        return void response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token"` }).end()
      if (!spoiled(request.method ?? '', request.url ?? '')) return plain(request, response)
      request.resume()
      place(response, host)
    },
  })

/** Another place, which answers well, or asks for the credentials. */
const startRecorder = (asks: boolean) =>
  startWebServer({
    '/': (request, response) =>
      asks
        ? void response
            .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
            .end()
        : plain(request, response),
  })

const followed = (status: number, { name }: Operation): boolean => {
  // This redirect is the answer, so the client does not follow it.
  if (name === 'the question for a blob' && status !== 301) return false
  const isRead = name.startsWith('the question') || name.startsWith('the content')
  return status === 307 || status === 308 || (isRead && status !== 303)
}

/** The authorization of each request that came to the other place. `reached`: whether any request should have come. */
export type Strayed = { readonly seen: readonly (string | undefined)[]; readonly reached: boolean }

const seenBy = ({ requests }: WebServer): (string | undefined)[] => requests.map(({ authorization }) => authorization)

const clientOf = ({ url }: WebServer): RepositoryClient => testClient(new URL(url).host, 'tools', { credentials })

const redirected = operations.flatMap((operation) =>
  [301, 302, 303, 307, 308].flatMap((status) =>
    [false, true].map((asks) => ({
      name: `${operation.name} is sent to another port with ${status}, which ${asks ? 'asks for it' : 'takes all'}`,
      run: async (): Promise<Strayed> => {
        await using recorder = await startRecorder(asks)
        await using evil = await startEvil(operation.spoiled, (response) =>
          response.writeHead(status, { location: `${recorder.url}/v2/elsewhere` }).end(),
        )
        await operation.run(clientOf(evil)).catch(() => {})
        return { seen: seenBy(recorder), reached: followed(status, operation) }
      },
    })),
  ),
)

const renamed = operations.flatMap((operation) =>
  [false, true].map((back) => ({
    name: `${operation.name} is sent to another name of the same host${back ? ', which sends it back' : ''}`,
    run: async (): Promise<Strayed> => {
      const seen: (string | undefined)[] = []
      await using evil = await startWebServer({
        '/token': '{"token":"bearer-secret"}',
        '/back': (request, response) => {
          seen.push(request.headers.authorization)
          plain(request, response)
        },
        '/away': (request, response) => {
          seen.push(request.headers.authorization)
          request.resume()
          const { port } = new URL(`http://${request.headers.host}`)
          if (back) response.writeHead(307, { location: `http://127.0.0.1:${port}/back` }).end()
          else plain(request, response)
        },
        '/v2/': (request, response) => {
          const host = request.headers.host ?? ''
          if (!request.headers.authorization)
            return void response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token"` }).end()
          if (!operation.spoiled(request.method ?? '', request.url ?? '')) return plain(request, response)
          request.resume()
          // Clients follow a 301 for reads and a 307 for all requests.
          const status = request.method === 'HEAD' ? 301 : 307
          response.writeHead(status, { location: `http://localhost:${new URL(`http://${host}`).port}/away` }).end()
        },
      })
      await operation.run(clientOf(evil)).catch(() => {})
      return { seen, reached: true }
    },
  })),
)

const places: [string, (url: string) => string, boolean][] = [
  ['on another port', (url) => `${url}/upload`, true],
  ['on another port, with a user in it', (url) => `${url.replace('//', '//me:secret@')}/upload`, true],
  ['on another port, without a scheme', (url) => `${url.replace('http:', '')}/upload`, true],
  ['with the registry as user', (url) => `http://127.0.0.1:1@${new URL(url).host}/upload`, true],
  ['that is no URL', () => 'http://[', false],
]

const placed = places.map(([name, location, reached]) => ({
  name: `the place of an upload is one ${name}`,
  run: async (): Promise<Strayed> => {
    await using recorder = await startRecorder(false)
    await using evil = await startEvil(
      (method) => method === 'POST',
      (response) => response.writeHead(202, { location: location(recorder.url) }).end(),
    )
    await clientOf(evil)
      .putBlob(document.descriptor, bytes)
      .catch(() => {})
    return { seen: seenBy(recorder), reached }
  },
}))

const tokens = [301, 302, 303, 307, 308].map((status) => ({
  name: `the token server answers ${status}`,
  run: async (): Promise<Strayed> => {
    await using recorder = await startRecorder(false)
    await using evil = await startWebServer({
      '/token': (_, response) => void response.writeHead(status, { location: `${recorder.url}/token` }).end(),
      '/v2/': (request, response) =>
        void response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
          .end(),
    })
    await clientOf(evil)
      .hasBlob(document.descriptor)
      .catch(() => {})
    return { seen: seenBy(recorder), reached: false }
  },
}))

/** All ways in which a registry can send a client elsewhere. */
export const strays: readonly { readonly name: string; readonly run: () => Promise<Strayed> }[] = [
  ...redirected,
  ...renamed,
  ...placed,
  ...tokens,
]
