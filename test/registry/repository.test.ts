import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/oci/descriptor.ts'
import { RepositoryClient } from '../../src/registry/repository.ts'
import { testClient } from '../support/pushed-image.ts'
import { type Content, startWebServer } from '../support/web-server.ts'

/** A client of a registry that gives these answers. Only these tests have answers that no real registry gives. */
const clientOf = async (contents: Record<string, Content>) => {
  const server = await startWebServer(contents)
  const secrets: string[] = []
  const client = new RepositoryClient(
    { registry: new URL(server.url).host, name: 'tools' },
    { username: 'me', password: 'secret' },
    { secret: (value) => secrets.push(value), signal: new AbortController().signal, log: { info: () => {} } },
  )
  return { client, server, secrets, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const bytes = Buffer.from('{}')
const document = { bytes, descriptor: { mediaType: 'application/json', digest: digestOf(bytes), size: 2 } }

test.each([200, 302, 307])('a blob is there when the registry answers %d', async (status) => {
  await using registry = await clientOf({
    '/v2/': (_, response) => void response.writeHead(status, { location: 'http://127.0.0.1/elsewhere' }).end(),
  })
  expect(await registry.client.hasBlob(document.descriptor)).toBe(true)
})

test.each<[string, Content, string | RegExp]>([
  [
    'no place for an upload',
    (_, response) => void response.writeHead(202).end(),
    /opens an upload without saying where; check that `image` names a registry, and run the job again if it does\.$/,
  ],
  [
    'a place without HTTPS',
    (_, response) => void response.writeHead(202, { location: 'http://example.org/upload' }).end(),
    /wants requests to be sent to http:\/\/example\.org, which has no HTTPS or leads to a private address; nothing was sent there\. Use a registry that answers itself\.$/,
  ],
  [
    '401 without a challenge',
    (_, response) => void response.writeHead(401).end(),
    /answers 401 without saying what it wants; check that `image` names a registry, and run the job again if it does\.$/,
  ],
  [
    'a challenge that is not known',
    (_, response) => void response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end(),
    /asks for an authorization that is not known \(negotiate\); check that `image` names a registry, and run the job again if it does\.$/,
  ],
  [
    'something that is no OCI error',
    (_, response) => void response.writeHead(418).end('<html><h1>a teapot'),
    /refuses what was sent: .* answered 418 a teapot; see what it says, and run the job again\.$/,
  ],
])('%s ends the push', async (_, content, message) => {
  await using registry = await clientOf({ '/v2/': content })
  await expect(registry.client.putBlob(document.descriptor, bytes)).rejects.toThrow(message)
})

test('a registry that stores a manifest under another digest is found out', async () => {
  await using registry = await clientOf({
    '/v2/': (_, response) => void response.writeHead(201, { 'docker-content-digest': 'sha256:other' }).end(),
  })
  await expect(registry.client.putManifest(document, 'v1')).rejects.toThrow(
    / calls sha256:\w+ sha256:other, so the image cannot be relied on; run the job again, and if this comes again, tell those who run the registry\.$/,
  )
})

test('a token server that gives no token, or none at all, is told as such', async () => {
  for (const token of ['{}', 'nothing']) {
    await using registry = await clientOf({
      '/token': token,
      '/v2/': (request, response) =>
        void response
          .writeHead(401, {
            'www-authenticate': `Bearer realm="http://${request.headers.host}/token", Basic realm="other"`,
          })
          .end(),
    })
    await expect(registry.client.hasBlob(document.descriptor)).rejects.toThrow(
      /^The token server of 127\.0\.0\.1:\d+ gives no token \(.*\); run the job again\.$/,
    )
  }
})

test('many requests that are refused at once get one token for all, and it is masked', async () => {
  await using registry = await clientOf({
    '/token': JSON.stringify({ token: 'fresh' }),
    '/v2/': (request, response) =>
      request.headers.authorization === 'Bearer fresh'
        ? void response.writeHead(200).end()
        : void response
            .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
            .end(),
  })
  const blobs = ['a', 'b', 'c', 'd', 'e'].map((text) => ({
    ...document.descriptor,
    digest: digestOf(Buffer.from(text)),
  }))
  expect(await Promise.all(blobs.map((blob) => registry.client.hasBlob(blob)))).toEqual(blobs.map(() => true))
  expect(registry.server.requests.filter(({ path }) => path === '/token')).toHaveLength(1)
  expect(registry.secrets).toEqual(['secret', Buffer.from('me:secret').toString('base64'), 'fresh'])
})

test.each<[string, string | string[], string]>([
  ['of two that are asked for', ['Basic realm="x"', 'Bearer realm="REALM"'], 'me'],
  ['after Negotiate', 'Negotiate, Bearer realm="REALM"', 'me'],
  ['for an identity token', 'Bearer realm="REALM",service="s"', '<token>'],
])('a token %s is got, also where it has the other name', async (_, header, username) => {
  const bodies: string[] = []
  await using server = await startWebServer({
    '/token': async (request, response) => {
      bodies.push(`${request.method} ${await text(request)}`)
      response.end('{"token":"","access_token":"fresh"}')
    },
    '/v2/': (request, response) => {
      const challenges = [header].flat().map((one) => one.replace('REALM', `http://${request.headers.host}/token`))
      const isKnown = request.headers.authorization === 'Bearer fresh'
      response.writeHead(isKnown ? 200 : 401, isKnown ? {} : { 'www-authenticate': challenges }).end()
    },
  })
  const client = testClient(new URL(server.url).host, 'tools', { credentials: { username, password: 'kept' } })
  expect(await client.hasBlob(document.descriptor)).toBe(true)
  expect(bodies).toEqual([
    username === 'me'
      ? 'GET '
      : 'POST grant_type=refresh_token&client_id=nix-image-action&refresh_token=kept&scope=repository%3Atools%3Apull%2Cpush&service=s',
  ])
})

test('a token server that denies is asked once more', async () => {
  let asked = 0
  await using registry = await clientOf({
    '/token': (_, response) =>
      void (asked++ === 0 ? response.writeHead(403).end('denied') : response.end('{"token":"fresh"}')),
    '/v2/': (request, response) =>
      void response
        .writeHead(request.headers.authorization === 'Bearer fresh' ? 200 : 401, {
          'www-authenticate': `Bearer realm="http://${request.headers.host}/token"`,
        })
        .end(),
  })
  const { client } = registry
  expect(await client.retrying(() => client.hasBlob(document.descriptor))).toBe(true)
})

test('an identity token for a registry that takes only passwords is not sent', async () => {
  await using server = await startWebServer({
    '/v2/': (_, response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
  })
  const client = testClient(new URL(server.url).host, 'tools', {
    credentials: { username: '<token>', password: 'kept' },
  })
  await expect(client.hasBlob(document.descriptor)).rejects.toThrow(
    /takes no identity token, and Docker's config\.json has nothing else for it; log in again, or give `username` and `password`\.$/,
  )
  expect(server.requests).toHaveLength(1)
})

test.each([200, 201, 202])('a manifest is taken when the registry answers %d', async (status) => {
  await using registry = await clientOf({ '/v2/': (_, response) => void response.writeHead(status).end() })
  await registry.client.putManifest(document, 'v1')
  expect(registry.server.requests).toHaveLength(1)
})

test('a blob is not there when the registry names no place for it', async () => {
  await using registry = await clientOf({ '/v2/': (_, response) => void response.writeHead(302).end() })
  expect(await registry.client.hasBlob(document.descriptor)).toBe(false)
})

test.each([200, 404])(
  'a registry that knows no HEAD of a manifest is asked with GET, and answers %d',
  async (status) => {
    await using registry = await clientOf({
      '/v2/': (request, response) => void response.writeHead(request.method === 'HEAD' ? 405 : status).end(bytes),
    })
    expect(await registry.client.resolve('v1')).toBe(status === 200 ? document.descriptor.digest : undefined)
  },
)
