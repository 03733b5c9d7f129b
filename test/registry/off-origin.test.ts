import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/descriptor.ts'
import type { RepositoryClient } from '../../src/registry/repository.ts'
import { testClient } from '../support/pushed-image.ts'
import { startWebServer } from '../support/web-server.ts'

/** A registry that names another place, and somebody at that place who writes down who comes with an authorization. */

const bytes = Buffer.from('{}')
const document = { bytes, descriptor: { mediaType: 'application/json', digest: digestOf(bytes), size: 2 } }
const credentials = { username: 'me', password: 'secret' }

type Spoiled = (method: string, path: string) => boolean
type Operation = {
  readonly name: string
  readonly spoiled: Spoiled
  readonly run: (client: RepositoryClient) => Promise<unknown>
}

const operations: readonly Operation[] = [
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

/** Answers as a registry with nothing in it that takes everything. */
const plain = (request: IncomingMessage, response: ServerResponse): void => {
  request.resume()
  if (request.method === 'POST') response.writeHead(202, { location: '/v2/tools/blobs/uploads/1' }).end()
  else if (request.method === 'PUT') response.writeHead(201).end()
  else response.writeHead(200, { 'content-length': '2' }).end(request.method === 'GET' ? bytes : undefined)
}

/** The same after a token, but for what is spoiled, which `place` sends elsewhere. */
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

/** Another place, which answers well, or wants the credentials for itself. */
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
  // That it names a place is the answer.
  if (name === 'the question for a blob' && status !== 301) return false
  const isRead = name.startsWith('the question') || name.startsWith('the content')
  return status === 307 || status === 308 || (isRead && status !== 303)
}

describe('no authorization leaves the registry’s origin', () => {
  const cases = operations.flatMap((operation) =>
    [301, 302, 303, 307, 308].flatMap((status) =>
      [false, true].map(
        (asks) => [operation.name, status, asks ? 'asks for it' : 'takes all', operation, asks] as const,
      ),
    ),
  )
  test.each(cases)('when %s is sent to another port with %d, which %s', async (_, status, __, operation, asks) => {
    await using recorder = await startRecorder(asks)
    await using evil = await startEvil(operation.spoiled, (response) =>
      response.writeHead(status, { location: `${recorder.url}/v2/elsewhere` }).end(),
    )
    await operation.run(testClient(new URL(evil.url).host, 'tools', { credentials })).catch(() => {})
    expect(recorder.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([])
    expect(recorder.requests.length > 0).toBe(followed(status, operation))
  })

  test.each(operations.map((operation) => [operation.name, operation] as const))(
    'when %s is sent to another name of the same host, or comes back from there',
    async (_, operation) => {
      for (const back of [false, true]) {
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
            // A 301 is followed for reads and a 307 for all.
            const status = request.method === 'HEAD' ? 301 : 307
            response.writeHead(status, { location: `http://localhost:${new URL(`http://${host}`).port}/away` }).end()
          },
        })
        await operation.run(testClient(new URL(evil.url).host, 'tools', { credentials })).catch(() => {})
        expect(seen).toEqual(back ? [undefined, undefined] : [undefined])
      }
    },
  )

  test.each<[string, (url: string) => string, boolean]>([
    ['on another port', (url) => `${url}/upload`, true],
    ['on another port, with a user in it', (url) => `${url.replace('//', '//me:secret@')}/upload`, true],
    ['on another port, without a scheme', (url) => `${url.replace('http:', '')}/upload`, true],
    ['with the registry as user', (url) => `http://127.0.0.1:1@${new URL(url).host}/upload`, true],
    ['that is no URL', () => 'http://[', false],
  ])('when the place of an upload is one %s', async (_, location, reached) => {
    await using recorder = await startRecorder(false)
    await using evil = await startEvil(
      (method) => method === 'POST',
      (response) => response.writeHead(202, { location: location(recorder.url) }).end(),
    )
    const client = testClient(new URL(evil.url).host, 'tools', { credentials })
    await client.putBlob(document.descriptor, bytes).catch(() => {})
    expect(recorder.requests.map(({ authorization }) => authorization)).toEqual(reached ? [undefined] : [])
  })

  test.each([301, 302, 303, 307, 308])('when the token server answers %d', async (status) => {
    await using recorder = await startRecorder(false)
    await using evil = await startWebServer({
      '/token': (_, response) => void response.writeHead(status, { location: `${recorder.url}/token` }).end(),
      '/v2/': (request, response) =>
        void response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
          .end(),
    })
    const client = testClient(new URL(evil.url).host, 'tools', { credentials })
    await expect(client.hasBlob(document.descriptor)).rejects.toThrow()
    expect(recorder.requests).toEqual([])
  })
})

describe('within the registry’s origin', () => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    '%s is redirected with its authorization and its body',
    async (_, operation) => {
      const seen: string[] = []
      await using registry = await startWebServer({
        '/token': '{"token":"bearer-secret"}',
        '/moved': (request, response) => {
          seen.push(`${request.method} ${request.headers.authorization} ${request.headers['content-length'] ?? 0}`)
          plain(request, response)
        },
        '/v2/': (request, response) => {
          if (!request.headers.authorization)
            return void response
              .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
              .end()
          if (!operation.spoiled(request.method ?? '', request.url ?? '')) return plain(request, response)
          request.resume()
          response.writeHead(307, { location: '/moved' }).end()
        },
      })
      await operation.run(testClient(new URL(registry.url).host, 'tools', { credentials }))
      expect(seen).toEqual([
        expect.stringMatching(
          /^(HEAD|GET) Bearer bearer-secret 0$|^POST Bearer bearer-secret 0$|^PUT Bearer bearer-secret 2$/,
        ),
      ])
    },
  )

  test('a circle is left after five times round, with an error that says what to do', async () => {
    await using registry = await startWebServer({
      '/v2/': (_, response) => void response.writeHead(307, { location: '/v2/again' }).end(),
    })
    const { host } = new URL(registry.url)
    await expect(testClient(host, 'tools').resolve('v1')).rejects.toThrow(
      `${host} sends HEAD requests elsewhere (it answers 307); write in \`image\` the host that answers itself.`,
    )
    expect(registry.requests).toHaveLength(6)
  })
})

test('what a registry says of a secret is not told', async () => {
  const encoded = Buffer.from('me:secret').toString('base64')
  await using registry = await startWebServer({
    '/token': '{"token":"bearer-secret"}',
    '/v2/': (request, response) =>
      request.headers.authorization
        ? void response.writeHead(400).end(`you said ${request.headers.authorization}, ${encoded} and secret`)
        : void response
            .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
            .end(),
  })
  const client = testClient(new URL(registry.url).host, 'tools', { credentials })
  const error: Error = await client.hasBlob(document.descriptor).then(
    () => new Error('no error'),
    (error) => error,
  )
  await expect(client.putManifest(document)).rejects.toThrow(/answered 400 you said Bearer \*\*\*, \*\*\* and \*\*\*/)
  expect(`${error.message} ${error.cause}`).not.toMatch(/bearer-secret|bWU6|secret/)
})
