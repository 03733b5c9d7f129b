import { describe, expect, test } from 'vitest'
import { credentials, document, operations, plain, strays } from '../support/off-origin.ts'
import { testClient } from '../support/pushed-image.ts'
import { startWebServer } from '../support/web-server.ts'

describe('no authorization leaves the registry’s origin', () => {
  test.each(strays.map(({ name, run }) => [name, run] as const))('when %s', async (_, run) => {
    const { seen, reached } = await run()
    expect(seen.filter((authorization) => authorization !== undefined)).toEqual([])
    // Without this, a client that does nothing would pass.
    expect(seen.length > 0).toBe(reached)
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
