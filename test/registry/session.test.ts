import { describe, expect, test } from 'vitest'
import { documentOf } from '../../src/oci/descriptor.ts'
import type { RepositoryClient } from '../../src/registry/repository.ts'
import { hurried, testClient } from '../support/pushed-image.ts'
import { startWebServer } from '../support/web-server.ts'

const document = documentOf('application/vnd.oci.image.manifest.v1+json', '{"schemaVersion":2}')
const credentials = { username: 'me', password: 'secret' }

test.each<[string, (client: RepositoryClient) => Promise<unknown>, boolean]>([
  ['a question for a tag (HEAD)', (client) => client.resolve('v1'), false],
  ['a manifest that is read (GET)', (client) => client.getManifest('v1'), false],
  ['a manifest that is put (PUT)', (client) => client.putManifest(document, 'v1'), true],
])('%s waits for its turn among the writes: %4$s', async (_, ask, isWrite) => {
  await using server = await startWebServer({
    '/v2/': (request, response) => {
      request.resume()
      response.writeHead(request.method === 'PUT' ? 201 : 404).end()
    },
  })
  let slept = 0
  const clock = {
    ...hurried(200, 5000),
    now: () => 0,
    sleep: async () => {
      slept++
    },
  }
  const client = testClient(new URL(server.url).host, 'tools', { clock })
  for (let asked = 0; asked < 202; asked++) await ask(client)
  expect(slept).toBe(isWrite ? 2 : 0)
})

test.each<[string, string, RegExp]>([
  [
    'a token',
    'Bearer realm="REALM"',
    /does not let me push to 127\.0\.0\.1:\d+\/tools; use credentials that may write/,
  ],
  ['a password', 'Basic realm="x"', /refuses the credentials of me; check `username` and `password`/],
])('who got %s, and is refused all the same, is told what is missing', async (_, challenge, sentence) => {
  await using server = await startWebServer({
    '/token': '{"token":"fresh"}',
    '/v2/': (request, response) => {
      const realm = `http://${request.headers.host}/token`
      response.writeHead(401, { 'www-authenticate': challenge.replace('REALM', realm) }).end()
    },
  })
  const client = testClient(new URL(server.url).host, 'tools', { credentials })
  await expect(client.getManifest('v1')).rejects.toThrow(sentence)
})

describe('a 403 to a request without authorization', () => {
  const question = (client: RepositoryClient): Promise<unknown> => client.resolve('v1')

  test('is answered with one, where the beginning of the API says what is wanted', async () => {
    await using server = await startWebServer({
      '/token': '{"token":"fresh"}',
      '/v2/': (request, response) => {
        const realm = `http://${request.headers.host}/token`
        if (request.headers.authorization) response.writeHead(404)
        else if (request.url === '/v2/') response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` })
        else response.writeHead(403)
        response.end()
      },
    })
    const client = testClient(new URL(server.url).host, 'tools', { credentials })
    expect(await question(client)).toBeUndefined()
    expect(await question(client)).toBeUndefined()
    const paths = server.requests.map(({ path }) => path)
    expect(paths).toEqual([
      ...['/v2/tools/manifests/v1', '/v2/', '/token', '/v2/tools/manifests/v1'],
      '/v2/tools/manifests/v1',
    ])
  })

  test.each([200, 401, 403, 404, 418])(
    'is told as it is, where that beginning answers %d and no more',
    async (status) => {
      await using server = await startWebServer({
        '/v2/': (_, response) => void response.writeHead(status).end('something else'),
        '/v2/tools/': (_, response) => void response.writeHead(403).end(),
      })
      const client = testClient(new URL(server.url).host, 'tools', { credentials })
      await expect(question(client)).rejects.toThrow(/does not let me push to 127\.0\.0\.1:\d+\/tools; use credentials/)
    },
  )

  test('is told as it is, where there are no credentials', async () => {
    await using server = await startWebServer({ '/v2/': (_, response) => void response.writeHead(403).end() })
    await expect(question(testClient(new URL(server.url).host, 'tools'))).rejects.toThrow(/there are none/)
    expect(server.requests).toHaveLength(1)
  })

  test('is no question of the registry’s, where it comes from elsewhere', async () => {
    await using server = await startWebServer({
      '/v2/': (request, response) => {
        const { host = '' } = request.headers
        if (host.startsWith('localhost')) response.writeHead(403)
        else response.writeHead(307, { location: `http://${host.replace('127.0.0.1', 'localhost')}/v2/` })
        response.end()
      },
    })
    await expect(question(testClient(new URL(server.url).host, 'tools', { credentials }))).rejects.toThrow(
      /does not let me push/,
    )
    expect(server.requests).toHaveLength(2)
  })
})
